"""Mail to people, over SMTP: what is written, to which relay it goes, what is said when it does not go.

Knows no vendors, no seats and no jobs; what a mail is about comes as values.
"""
