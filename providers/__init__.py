"""One package a provider: adapter, wire format, settlement and a simulator that plays it over HTTP."""
