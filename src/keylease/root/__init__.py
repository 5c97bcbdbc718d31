"""The way off the root user's access key: what uses it, what would replace each use, and proof of every step.

Everything is worked out from what AWS shows at the moment, so the way can be left and taken up again at any time
and from anywhere, and no step counts as done because somebody said so.
"""
