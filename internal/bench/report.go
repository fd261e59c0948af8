package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Head is where, when and how something was measured.
type Head struct {
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Method  string    `json:"method"`
}

// Report is what Ingest measured. Rates are per second, times are milliseconds.
type Report struct {
	Head

	FloorPerS    float64 `json:"floor_per_s"`
	FloorCost    Cost    `json:"floor_cpu"`
	AcceptPerS   float64 `json:"accept_per_s"` // the most that was taken, committed
	AcceptCost   Cost    `json:"accept_cpu"`
	Ratio        float64 `json:"ratio"` // accept / floor
	AcceptAtHalf Latency `json:"accept_at_half"`

	WorkedOff []float64 `json:"worked_off_per_s"` // how fast what had piled up was worked off, each time
	WorkCost  Cost      `json:"worked_off_cpu"`

	WholeWay        Latency `json:"whole_way"`        // from when a webhook was due to the message's frame at its agent's socket
	WholeWayAccept  Latency `json:"whole_way_accept"` // and to its 200
	WholeWayCost    Cost    `json:"whole_way_cpu"`
	ThroughPerS     float64 `json:"through_per_s"` // the most that came through to the sockets
	ThroughCost     Cost    `json:"through_cpu"`
	ThroughInFlight int     `json:"through_in_flight"`

	Errors Errors `json:"errors"`
}

// Machine is where it was measured, and how busy it was with other things.
type Machine struct {
	CPUs     int    `json:"cpus"`
	OS       string `json:"os"`
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Revision string `json:"revision"`
	Load     string `json:"load"` // the load averages before
}

// Latency is a distribution at a rate.
type Latency struct {
	Rate  float64 `json:"rate"`
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// Errors are what went wrong.
type Errors struct {
	Refused     int64 `json:"refused"`      // not answered 200
	NoAnswer    int64 `json:"no_answer"`    // not answered at all
	Unseen      int64 `json:"unseen"`       // taken, and not seen on a socket within 15 s, or, of Recovery, not in the record
	SocketsLost int64 `json:"sockets_lost"` // sockets that ended and were opened again
}

// String is for people.
func (e Errors) String() string {
	return fmt.Sprintf("%d refused, %d not answered, %d not seen, %d sockets lost", e.Refused, e.NoAnswer, e.Unseen, e.SocketsLost)
}

// with adds what went wrong in a sample.
func (e Errors) with(s sample) Errors {
	e.Refused += s.Refused
	e.NoAnswer += s.NoAnswer
	return e
}

func latencies(rate float64, h *hdrhistogram.Histogram) Latency {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return Latency{Rate: rate, Count: h.TotalCount(), P50: ms(50), P95: ms(95), P99: ms(99), Max: float64(h.Max()) / 1000}
}

func (t Target) head(ctx context.Context, method string) (Head, error) {
	r := Head{At: time.Now().UTC().Truncate(time.Second), Method: method}
	r.Machine = Machine{CPUs: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if err := t.Store.Pool().QueryRow(ctx, "SHOW server_version").Scan(&r.Machine.Postgres); err != nil {
		return r, err
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				r.Machine.Revision = s.Value[:min(12, len(s.Value))] + r.Machine.Revision
			case "vcs.modified":
				if s.Value == "true" {
					r.Machine.Revision += "+"
				}
			}
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil { // Linux has it
		r.Machine.Load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return r, nil
}

// String is a latency for people.
func (l Latency) String() string {
	return fmt.Sprintf("p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, max %.0f ms at %.0f/s", l.P50, l.P95, l.P99, l.Max, l.Rate)
}

// table is what people read: a name and a figure a line.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)} }

func (t table) row(what, format string, args ...any) {
	_, _ = fmt.Fprintf(t, what+"\t"+format+"\n", args...) // end tells
}

// end adds where and how it was measured.
func (t table) end(h Head) error {
	m := h.Machine
	t.row("machine", "%d CPUs, %s, %s, Postgres %s, revision %s, load %s", m.CPUs, m.OS, m.Go, m.Postgres, m.Revision, m.Load)
	t.row("method", "%s", h.Method)
	return t.Flush()
}

// Table writes the report for people.
func (r Report) Table(w io.Writer) error {
	t := newTable(w)
	t.row("floor", "%.0f/s, %s", r.FloorPerS, r.FloorCost)
	t.row("accept", "%.0f/s, %s", r.AcceptPerS, r.AcceptCost)
	t.row("ratio", "%.2f", r.Ratio)
	t.row("accept at half", "%s", r.AcceptAtHalf)
	t.row("worked off", "%.0f/s, %s", median(r.WorkedOff), r.WorkCost)
	t.row("whole way", "%s; %s", r.WholeWay, r.WholeWayCost)
	t.row("its accept", "%s", r.WholeWayAccept)
	t.row("through", "%.0f/s, %s", r.ThroughPerS, r.ThroughCost)
	t.row("errors", "%s", r.Errors)
	return t.end(r.Head)
}
