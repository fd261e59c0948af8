package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/valyala/fasthttp"
)

// load is one run of the sender.
type load struct {
	url         string
	connections int
	duration    time.Duration
	rate        float64 // posts a second, due at fixed moments; 0: each connection posts again as soon as it is answered
	first, most int64   // number of the first message, and how many at most; 0 = no bound
	payload     *payload
	contact     func(n int64) int64                 // who writes message n
	before      func(n int64, due time.Time)        // told before each post; may be nil
	admit       func(ctx context.Context) (ok bool) // waited for before each post; may be nil
}

// sample is what a run saw.
type sample struct {
	Posted, Acked, Refused, NoAnswer int64
	Elapsed                          time.Duration
	hist                             *hdrhistogram.Histogram // microseconds from when a post was due to its 200
}

// PerS is the rate of what was taken.
func (s sample) PerS() float64 { return float64(s.Acked) / s.Elapsed.Seconds() }

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// record notes a latency. What is out of the histogram's bounds counts as its bound.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(1, d.Microseconds()), time.Minute.Microseconds())) // in bounds: cannot fail
}

// run posts until the duration is over, the bound is reached or ctx ends, and waits for the answers.
func (l *load) run(ctx context.Context) sample {
	client := &fasthttp.HostClient{
		Addr: l.address(), MaxConns: l.connections, NoDefaultUserAgentHeader: true, MaxIdemponentCallAttempts: 1,
		ReadTimeout: answerWithin, WriteTimeout: answerWithin, MaxIdleConnDuration: time.Minute,
	}
	defer client.CloseIdleConnections()
	var (
		next  atomic.Int64
		mu    sync.Mutex
		total = sample{hist: newHistogram()}
		wg    sync.WaitGroup
		start = time.Now()
	)
	next.Store(l.first)
	for range l.connections {
		wg.Go(func() {
			s := l.connection(ctx, client, &next, start)
			mu.Lock()
			defer mu.Unlock()
			total.Posted, total.Acked = total.Posted+s.Posted, total.Acked+s.Acked
			total.Refused, total.NoAnswer = total.Refused+s.Refused, total.NoAnswer+s.NoAnswer
			total.hist.Merge(s.hist)
		})
	}
	wg.Wait()
	total.Elapsed = time.Since(start)
	return total
}

// answerWithin is how long an answer may take: longer than the door's own limit.
const answerWithin = 10 * time.Second

func (l *load) address() string {
	u := fasthttp.AcquireURI()
	defer fasthttp.ReleaseURI(u)
	_ = u.Parse(nil, []byte(l.url)) // an address that is none fails to connect
	return string(u.Host())
}

// connection posts one message after the other. Each takes the next number, so that one who waits for an answer holds up
// nobody else's; with a rate, a post that finds every connection busy is late, and that counts.
func (l *load) connection(ctx context.Context, client *fasthttp.HostClient, next *atomic.Int64, start time.Time) sample {
	s := sample{hist: newHistogram()}
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(l.url)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.Header.SetContentType("application/json")
	p := l.payload.writer()
	for ctx.Err() == nil {
		if l.rate == 0 && time.Since(start) >= l.duration && l.most == 0 || l.admit != nil && !l.admit(ctx) {
			break
		}
		n := next.Add(1) - 1
		i := n - l.first
		if l.most > 0 && i >= l.most {
			break
		}
		due := time.Now()
		if l.rate > 0 {
			after := time.Duration(float64(i) / l.rate * float64(time.Second))
			if after >= l.duration {
				break
			}
			due = start.Add(after)
			pause(ctx, time.Until(due))
		}
		if l.before != nil {
			l.before(n, due)
		}
		body, signature := p.write(n, l.contact(n), due)
		req.Header.Set("X-Hub-Signature-256", signature)
		req.SetBodyRaw(body)
		err := client.Do(req, resp)
		s.Posted++
		switch {
		case err != nil:
			s.NoAnswer++
		case resp.StatusCode() != fasthttp.StatusOK:
			s.Refused++
		default:
			s.Acked++
			record(s.hist, time.Since(due))
		}
	}
	return s
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// scatter spreads numbers over contacts evenly and without order.
func scatter(n int64) int64 {
	x := uint64(n) + 0x9e3779b97f4a7c15 // the finaliser of splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int64((x ^ x>>31) >> 1)
}
