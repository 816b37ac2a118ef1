// What is written large on a shuttle: the digits at the end of its id.

export function shuttleNumber(id) {
  const serial = id.split(":").at(-1);
  const digits = serial.match(/\d+$/);
  return digits ? String(Number(digits[0])) : serial;
}
