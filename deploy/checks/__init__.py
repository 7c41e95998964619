"""Checks of docker/ and deploy/: each module checks one thing."""
