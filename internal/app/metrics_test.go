package app

import (
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/metrics"
	"gatehouse/internal/queue"

	"github.com/prometheus/client_golang/prometheus"
)

// Every metric of ours stands in docs/metrics.md, and nothing stands there that is not shown.
func TestTheMetricsPageNamesEveryMetric(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	m.VisitorSockets(func() int { return 0 })
	shown := map[string]bool{}
	ch := make(chan *prometheus.Desc, 1000)
	v := newStanding(nil, slog.New(slog.DiscardHandler))
	for _, d := range []*prometheus.Desc{v.waiting, v.longest, v.open, v.agents, v.load, v.capacity, v.due, v.oldest, v.accounts, v.up, v.snapshot} {
		ch <- d
	}
	q := queue.NewCollector(nil, "t")
	q.Describe(ch)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	m.Registry.Describe(ch)
	close(ch)
	name := regexp.MustCompile(`fqName: "(gatehouse_[a-z_]+)"`)
	for d := range ch {
		if got := name.FindStringSubmatch(d.String()); got != nil {
			shown[got[1]] = true
			if !strings.Contains(string(page), "`"+got[1]+"`") && !strings.Contains(string(page), "`"+got[1]+"{") {
				t.Errorf("docs/metrics.md does not name %s", got[1])
			}
		}
	}
	if len(shown) < 20 {
		t.Fatalf("only %d metrics are shown", len(shown))
	}
	for _, got := range regexp.MustCompile("`(gatehouse_[a-z_]+)").FindAllStringSubmatch(string(page), -1) {
		if !shown[got[1]] {
			t.Errorf("docs/metrics.md names %s, which nothing shows", got[1])
		}
	}
}
