"""Checks of docker-compose.yml and deploy/: their syntax, by the tools that read them, and whether they
agree with each other and with the code. No Docker engine is needed. `make test-deploy` runs them.
"""
