"""Riders at the border: their messages, what they are told, and where it goes over MQTT."""
