/** The argument of every job: 25 bytes as JSON. A new object each time, as an application makes. */
export function payload() {
  return { url: 'http://nvie.com' };
}
