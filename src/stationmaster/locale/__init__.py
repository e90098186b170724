"""The catalogues of translated text, one folder a language: `.po` is what people edit, `.mo` what is read.

`python -m stationmaster.locale` brings both up to date with the code (it needs Babel, which only development installs).
"""
