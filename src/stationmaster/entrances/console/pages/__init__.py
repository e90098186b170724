"""Pages of the people's side: workspaces, people, groups, assignments, plans, seats, jobs.

A view asks services as whoever looks, makes a `parts.Page` of plain values and hands it to `showing.shown`; what was sent by a
form goes through `acting.posted` to a service and back to a page. What may be done is the services' to decide: pages ask them
only to know which buttons to show. Lists take the same search, filters, order and cursor in their address as REST's do.
"""
