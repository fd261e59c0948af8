package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// sink is a provider's door that takes every message and notes when it came. Messages carry their number behind a mark.
type sink struct {
	url    string
	mark   []byte
	server *http.Server
	ended  chan error

	due     []atomic.Int64 // by number: when it was due, in Unix nanoseconds; -1 once it is here
	arrived atomic.Int64
	twice   atomic.Int64

	mu    sync.Mutex
	taken *hdrhistogram.Histogram
}

// sinkDigits are those of a message's number.
const sinkDigits = 10

// newSink listens on a free port of 127.0.0.1 and expects at most so many messages.
func newSink(run string, expected int64) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{
		url: "http://" + l.Addr().String(), mark: []byte("Bench " + run + " "), ended: make(chan error, 1), due: make([]atomic.Int64, expected), taken: newHistogram(),
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: answerWithin}
	go func() { s.ended <- s.server.Serve(l) }()
	return s, nil
}

func (s *sink) close() error {
	err := s.server.Close()
	if e := <-s.ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// text is what message n says.
func (s *sink) text(n int64) string { return fmt.Sprintf("%s%0*d", s.mark, sinkDigits, n) }

// expect notes when a message was due.
func (s *sink) expect(n int64, due time.Time) {
	if n < int64(len(s.due)) {
		s.due[n].Store(due.UnixNano())
	}
}

// ServeHTTP answers as Graph does.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	i := bytes.Index(body, s.mark)
	if i < 0 || len(body) < i+len(s.mark)+sinkDigits {
		_, _ = io.WriteString(w, `{"data":[]}`) // whatever else is asked of a number
		return
	}
	digits := body[i+len(s.mark) : i+len(s.mark)+sinkDigits]
	if n, err := strconv.ParseInt(string(digits), 10, 64); err == nil && n < int64(len(s.due)) {
		switch was := s.due[n].Swap(-1); was {
		case 0:
		case -1:
			s.twice.Add(1)
		default:
			s.mu.Lock()
			record(s.taken, now.Sub(time.Unix(0, was)))
			s.mu.Unlock()
			s.arrived.Add(1)
		}
	}
	_, _ = fmt.Fprintf(w, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.SINK%s%s"}]}`, bytes.ReplaceAll(s.mark, []byte(" "), nil), digits)
}

// rest waits for what is still on its way and tells how many of n never came.
func (s *sink) rest(ctx context.Context, n int64) (missing int64) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	_ = poll(ctx, 10*time.Millisecond, func() (bool, error) { return s.arrived.Load() >= n, nil }) // or else some are missing
	return max(0, n-s.arrived.Load())
}

// bare measures the sink alone: posts at the rate by a plain client. It is the least that a message can take.
func (s *sink) bare(ctx context.Context, rate float64, duration time.Duration) (Latency, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: answerWithin}
	got, err := offered{rate: rate, duration: duration, most: 64, do: func(ctx context.Context, _ int64, _ time.Time) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/bare", bytes.NewReader([]byte(`{"messaging_product":"whatsapp"}`)))
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return errors.Join(err, resp.Body.Close())
	}}.run(ctx)
	client.CloseIdleConnections()
	return latencies(rate, got.hist), err
}
