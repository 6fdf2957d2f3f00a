"""python -m tests.providers.example_bank: as providers.simulation, with the example among the providers."""

from providers import registry
from providers.simulation.__main__ import main
from tests.providers.example_bank import simulator

dict.update(registry.SIMULATORS, example_bank=simulator.create_app)
main()
