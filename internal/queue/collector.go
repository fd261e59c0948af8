package queue

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"gatehouse/internal/task"
	"gatehouse/internal/vitals"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Collector shows Asynq's queues to Prometheus. It asks each Redis at each scrape.
type Collector struct {
	prefix string
	parts  []shown

	tasks, latency, up, memory *prometheus.Desc
}

type shown struct {
	name      string
	client    redis.UniversalClient
	inspector *asynq.Inspector // over client
}

// NewCollector makes a collector over the installation's queues.
func NewCollector(at []Redis, prefix string) *Collector {
	c := &Collector{
		prefix:  prefix,
		tasks:   prometheus.NewDesc("gatehouse_queue_tasks", "Wakes in a queue of a Redis, by state.", []string{"redis", "queue", "state"}, nil),
		latency: prometheus.NewDesc("gatehouse_queue_latency_seconds", "Age of the oldest wake that waits in a queue of a Redis.", []string{"redis", "queue"}, nil),
		up:      prometheus.NewDesc("gatehouse_redis_up", "Whether a Redis answered the last question about the queues.", []string{"redis"}, nil),
		memory:  prometheus.NewDesc("gatehouse_redis_memory_bytes", "What a Redis holds, with all that others keep in it.", []string{"redis"}, nil),
	}
	for _, r := range at {
		client := r.Open(workBudget)
		c.parts = append(c.parts, shown{r.Name, client, asynq.NewInspectorFromRedisClient(client)})
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.tasks
	ch <- c.latency
	ch <- c.up
	ch <- c.memory
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	var asked sync.WaitGroup
	for _, p := range c.parts { // at once: one that is away must not make the scrape late for the others
		asked.Go(func() { c.collect(ch, p) })
	}
	asked.Wait()
}

func (c *Collector) collect(ch chan<- prometheus.Metric, p shown) {
	names, err := p.inspector.Queues()
	up := 1.0
	if err != nil {
		up = 0
	}
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, up, p.name)
	if err != nil {
		return
	}
	if used, ok := p.memory(); ok {
		ch <- prometheus.MustNewConstMetric(c.memory, prometheus.GaugeValue, used, p.name)
	}
	for _, q := range []task.Queue{task.Interactive, task.Default, task.Bulk} {
		name := QueueName(c.prefix, q)
		if !slices.Contains(names, name) {
			continue
		}
		i, err := p.inspector.GetQueueInfo(name)
		if err != nil {
			continue // it vanished between the two questions; the next scrape has it
		}
		for state, n := range map[string]int{
			"pending": i.Pending, "active": i.Active, "scheduled": i.Scheduled, "retry": i.Retry, "archived": i.Archived,
		} {
			ch <- prometheus.MustNewConstMetric(c.tasks, prometheus.GaugeValue, float64(n), p.name, string(q), state)
		}
		ch <- prometheus.MustNewConstMetric(c.latency, prometheus.GaugeValue, i.Latency.Seconds(), p.name, string(q))
	}
}

// memory is what the Redis says that it holds. It may say nothing: who is no administrator there, and the one in our own process.
func (p shown) memory() (bytes float64, ok bool) {
	said, err := p.client.InfoMap(context.Background(), "memory").Result()
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.ParseFloat(said["Memory"]["used_memory"], 64)
	return bytes, err == nil
}

// Vitals asks all Redis how the queues are, together; Behind is of those that somebody waits for.
func (c *Collector) Vitals() (*vitals.Queues, error) {
	var out vitals.Queues
	for _, p := range c.parts {
		names, err := p.inspector.Queues()
		if err != nil {
			return nil, err
		}
		for _, q := range []task.Queue{task.Interactive, task.Default, task.Bulk} {
			name := QueueName(c.prefix, q)
			if !slices.Contains(names, name) {
				continue
			}
			i, err := p.inspector.GetQueueInfo(name)
			if err != nil {
				return nil, err
			}
			out.Pending, out.Archived = out.Pending+i.Pending, out.Archived+i.Archived
			if q != task.Bulk {
				out.Behind = max(out.Behind, i.Latency)
			}
		}
	}
	return &out, nil
}

// Close ends the connections.
func (c *Collector) Close() error {
	var errs []error
	for _, p := range c.parts {
		errs = append(errs, p.client.Close())
	}
	return errors.Join(errs...)
}
