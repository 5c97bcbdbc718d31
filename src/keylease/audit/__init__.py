"""What is wrong with the credentials of an account, worst first.

A snapshot is collected once (`keylease.aws.audit`), every check is a pure function from it to findings, and a
report says what was found and what could not be looked at. Nothing here asks or changes AWS, reads a file or the
clock.
"""
