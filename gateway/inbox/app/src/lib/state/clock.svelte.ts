/** The server's clock, by the offset measured when it last told its time. Ticks once a second. */
let offset = 0;
let now = $state(Date.now());

export const clock = {
  /** Milliseconds, as the server sees them. */
  get now() {
    return now;
  },
  set(serverTime: string) {
    offset = Date.parse(serverTime) - Date.now();
    now = Date.now() + offset;
  },
  start(): () => void {
    const timer = setInterval(() => (now = Date.now() + offset), 1000);
    return () => clearInterval(timer);
  },
};
