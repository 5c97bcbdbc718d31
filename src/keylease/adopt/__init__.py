"""Giving access keys that already exist an owner and an end.

The user's own tags say what was promised (owner, date, what was told), so any administrator's machine can go on
where another stopped, and there is no second truth. `decide` says for one user what is to be done now; a pass does
it. The date stands in a Deny on the user from the day on which its owner was told, so AWS ends the keys with
nothing running.

It is an administrator's run: the broker's two identities can do none of it.
"""
