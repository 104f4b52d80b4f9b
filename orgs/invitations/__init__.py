"""Inviting people: reading lists of them, judging each line, the links in the mails, and sending those.

What writes stands in `orgs.actions.invitations`.
"""
