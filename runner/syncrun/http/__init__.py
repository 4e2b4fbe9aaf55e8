"""Requests and answers: what is sent, to whom, how often, and how it is shown."""
