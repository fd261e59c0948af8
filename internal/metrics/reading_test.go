package metrics_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/metrics"
)

func TestAReadingAddsUpWhatItsLabelsSay(t *testing.T) {
	t.Parallel()
	m := metrics.New()
	for range 3 {
		m.Webhook("whatsapp", "accepted", 7*time.Millisecond)
	}
	m.Webhook("instagram", "unrouted", 300*time.Millisecond)
	m.Webhook("instagram", "unavailable", 3*time.Second)
	m.Recovered("lane", 5)
	m.Recovered("claim", 2)
	r, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	outcome := func(values ...string) metrics.Where { return metrics.Where{Label: "outcome", Values: values} }
	if got := r.Sum("gatehouse_webhooks_total", outcome("accepted", "unrouted")); got != 4 {
		t.Errorf("%d webhooks", got)
	}
	if got := r.Sum("gatehouse_wakes_recovered_total", metrics.Where{Label: "what", Values: []string{"lane", "line"}}); got != 5 {
		t.Errorf("%d wakes", got)
	}
	if got := r.Sum("gatehouse_webhooks_total", metrics.Where{Label: "kind", Begins: "insta"}); got != 2 {
		t.Errorf("%d of Instagram", got)
	}
	if got := r.Sum("gatehouse_no_such_total"); got != 0 {
		t.Errorf("%d of nothing", got)
	}
	if got := r.Classes("gatehouse_webhook_accept_seconds", []float64{.005, .01, .25, 1}, outcome("accepted", "unrouted")); !slices.Equal(got, []int64{0, 3, 0, 1, 0}) {
		t.Errorf("classes: %v", got)
	}
	if got := r.Classes("gatehouse_webhook_accept_seconds", []float64{1}, outcome("unavailable")); !slices.Equal(got, []int64{0, 1}) {
		t.Errorf("the slowest: %v", got)
	}
	if got := r.Sum("gatehouse_webhook_accept_seconds"); got != 5 {
		t.Errorf("%d observations", got)
	}
}
