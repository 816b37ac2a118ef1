"""Names for identifiers, so that a trip is never passed where a rider is meant."""

from typing import NewType

StopId = NewType("StopId", str)
NodeId = NewType("NodeId", str)
EdgeId = NewType("EdgeId", str)
ShuttleId = NewType("ShuttleId", str)
RiderId = NewType("RiderId", str)
RequestId = NewType("RequestId", str)
TripId = NewType("TripId", str)
BookingId = NewType("BookingId", str)
VisitId = NewType("VisitId", str)
OperatorId = NewType("OperatorId", str)
CommandId = NewType("CommandId", str)
