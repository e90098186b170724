"""One encrypted file of a whole control plane, made while it runs, and putting it back. Owns the file's form.

May not know what rows mean, except that what was under way when the file was made is held after it was put back.
"""
