"""Faults drawn from a seed: the whole dispatcher over a virtual clock, network and store.

The service, its borders, the vehicle protocol and the on-board agent are the real ones; the
event loop, the broker, the store, the streets' traffic and the people are simulated. A seed
gives one history, always the same one.
"""
