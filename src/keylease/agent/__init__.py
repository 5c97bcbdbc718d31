"""The person's machine: sessions that renew by themselves, handed to every tool in the form that it takes.

It knows the server through `keylease.client` alone. Nothing in here imports boto3 or a module of the server.
"""
