"""The JSON interface: a blueprint a resource, its schemas beside it, and what all of them share."""
