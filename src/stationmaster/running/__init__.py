"""Processes that run together: started, watched, started again, ended in order.

Knows no Django, no gateway and no command line: what runs is a module's name and its options.
"""
