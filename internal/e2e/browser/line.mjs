// The network between one browser and the desk, as an HTTP proxy that can be cut, and that can lose the answer to a request
// that got through: the worst moment for whoever must not send twice. A proxy, because the page's origin stays what it is,
// and because Chromium's own offline switch leaves open sockets open.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

export async function openLine() {
  const ends = new Set();
  let up = true;
  let losing; // {test, lost}: the request whose answer is to be lost
  const keep = (socket) => {
    ends.add(socket);
    socket.on('close', () => ends.delete(socket));
    socket.on('error', () => socket.destroy()); // a cut line has two ends; each is told once
  };
  const cut = () => {
    up = false;
    for (const s of ends) s.destroy();
  };
  const server = createServer((req, res) => {
    const out = request(req.url, { method: req.method, headers: req.headers, agent: false }, (answer) => {
      if (losing?.test(req)) {
        answer.resume().on('end', () => {
          const { lost } = losing;
          losing = undefined;
          cut();
          lost(answer.statusCode);
        });
        return;
      }
      res.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(res);
    });
    out.on('socket', keep);
    out.on('error', () => res.destroy());
    req.pipe(out);
  });
  server.on('connection', (s) => (up ? keep(s) : s.destroy()));
  server.on('connect', (req, near) => {
    const [host, port] = req.url.split(':');
    const far = connect(port, host, () => {
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    keep(far);
    for (const [one, other] of [[near, far], [far, near]]) one.on('close', () => other.destroy());
  });
  await new Promise((heard) => server.listen(0, '127.0.0.1', heard));
  return {
    proxy: { server: `http://127.0.0.1:${server.address().port}` },
    cut,
    mend() { up = true; },
    /** Cuts the line when the desk has answered the next request that fits; resolves with the lost answer's status. */
    cutAfter: (test) => new Promise((lost) => (losing = { test, lost })),
    close() { cut(); server.close(); },
  };
}
