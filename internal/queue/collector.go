package queue

import (
	"fmt"
	"slices"

	"gatehouse/internal/task"
	"gatehouse/internal/vitals"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector shows Asynq's queues to Prometheus. It asks Redis at each scrape.
type Collector struct {
	inspector *asynq.Inspector
	prefix    string

	tasks, latency, up *prometheus.Desc
}

// NewCollector makes a collector over the installation's queues.
func NewCollector(at asynq.RedisConnOpt, prefix string) *Collector {
	return &Collector{
		inspector: asynq.NewInspector(bounded(at, workBudget)), prefix: prefix,
		tasks:   prometheus.NewDesc("gatehouse_queue_tasks", "Wakes in a queue, by state.", []string{"queue", "state"}, nil),
		latency: prometheus.NewDesc("gatehouse_queue_latency_seconds", "Age of the oldest wake that waits in a queue.", []string{"queue"}, nil),
		up:      prometheus.NewDesc("gatehouse_redis_up", "Whether Redis answered the last question about the queues.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { ch <- c.tasks; ch <- c.latency; ch <- c.up }

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	names, err := c.inspector.Queues()
	up := 1.0
	if err != nil {
		up = 0
	}
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, up)
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	for _, q := range []task.Queue{task.Interactive, task.Default, task.Bulk} {
		name := QueueName(c.prefix, q)
		if !have[name] {
			continue
		}
		i, err := c.inspector.GetQueueInfo(name)
		if err != nil {
			continue // it vanished between the two questions; the next scrape has it
		}
		for state, n := range map[string]int{
			"pending": i.Pending, "active": i.Active, "scheduled": i.Scheduled, "retry": i.Retry, "archived": i.Archived,
		} {
			ch <- prometheus.MustNewConstMetric(c.tasks, prometheus.GaugeValue, float64(n), string(q), state)
		}
		ch <- prometheus.MustNewConstMetric(c.latency, prometheus.GaugeValue, i.Latency.Seconds(), string(q))
	}
}

// Vitals asks Redis how the queues are, together; Behind is of those that somebody waits for.
func (c *Collector) Vitals() (*vitals.Queues, error) {
	names, err := c.inspector.Queues()
	if err != nil {
		return nil, err
	}
	var out vitals.Queues
	for _, q := range []task.Queue{task.Interactive, task.Default, task.Bulk} {
		name := QueueName(c.prefix, q)
		if !slices.Contains(names, name) {
			continue
		}
		i, err := c.inspector.GetQueueInfo(name)
		if err != nil {
			return nil, err
		}
		out.Pending, out.Archived = out.Pending+i.Pending, out.Archived+i.Archived
		if q != task.Bulk {
			out.Behind = max(out.Behind, i.Latency)
		}
	}
	return &out, nil
}

// Close ends the connection.
func (c *Collector) Close() error { return c.inspector.Close() }

func sprint(args []any) string { return fmt.Sprint(args...) }
