const NO_PAINT_MS = 500;

/**
 * Runs something once what was drawn until now is on the screen: what a key asked for is seen first, and the rest of the
 * work follows. Returns how to call it off. Where nothing is painted, because the tab is hidden or is hidden before it comes
 * to that, it runs soon.
 */
export function afterPaint(run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let frame = 0;
  const stop = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  if (document.hidden) timer = setTimeout(run);
  else {
    timer = setTimeout(() => (stop(), run()), NO_PAINT_MS);
    frame = requestAnimationFrame(() => {
      clearTimeout(timer);
      timer = setTimeout(run);
    });
  }
  return stop;
}

/** Runs something once what follows the next paint is on the screen, too: what nobody waits for. Returns how to call it off. */
export function afterAll(run: () => void): () => void {
  let stop = afterPaint(() => (stop = afterPaint(run)));
  return () => stop();
}
