"""Clients of the providers' protocols that others wrote, held against ours.

They come from npm, pinned with their hashes in package-lock.json; `make test` fetches them where there is an npm. To
add one: its line in package.json, `npm install --package-lock-only --omit-lockfile-registry-resolved`, a script beside
this file that reads a request as JSON and answers so, and a test that calls it through `Client`.
"""
