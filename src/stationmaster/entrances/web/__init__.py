"""From a request to who asks, and back to an answer: what pages and REST have in common. Knows no service but operators'.

A request goes through `front` (is it addressed to us, in a spelling that means one thing), Django's session, `language`,
allauth, and `gate` (who asks; nobody gets further than the routes in `gate.PUBLIC`). `setup` says so to Django, and is all
that can be imported before Django is set up.
"""
