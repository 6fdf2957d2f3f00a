"""The JSON contract: a blueprint a resource."""
