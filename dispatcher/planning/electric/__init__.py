"""Electric dial-a-ride: routes with partial charging at few stations, searched and recombined."""
