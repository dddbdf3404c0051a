"""The topology of docker-compose.yml, from the real binaries: `make test-stack`."""
