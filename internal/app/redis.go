package app

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatehouse/gateway/ops"
	"gatehouse/internal/bus"
	"gatehouse/internal/logging"
	"gatehouse/internal/queue"

	"github.com/hibiken/asynqmon"
)

// redisAway is what operators read, once, when a Redis stops to answer or to take what it is given, and when it does again.
var redisAway = logging.AbsenceText{
	Key: "redis",
	Gone: "redis is away: messages still come in and go out, another redis or the sweeper stands in for it; " +
		"agents see a moment later what happens in other processes",
	Back: "redis is back",
}

// openRedis connects to every Redis that carries wakes and news.
func (a *App) openRedis(ctx context.Context) (err error) {
	if a.redis, err = queue.ParseRedis(a.cfg.RedisURL); err != nil {
		return misconfigured("REDIS_URL: %w", err)
	}
	for _, r := range a.redis {
		rdb := r.Open(time.Second)
		a.closers = append(a.closers, func() { _ = rdb.Close() })
		a.news = append(a.news, bus.Redis{Name: r.Name, Client: rdb})
	}
	if a.inMemoryRedis || a.cfg.AcceptLoss {
		return nil
	}
	for _, r := range a.news {
		if err := a.checkKeeps(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// checkKeeps refuses a Redis that may drop wakes silently. It may be away: then nothing is asserted, and everything works.
func (a *App) checkKeeps(ctx context.Context, r bus.Redis) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	got, err := r.Client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		a.log.Warn("redis could not be asked for its maxmemory-policy", "redis", r.Name, "error", err.Error())
		return nil
	}
	if p := got["maxmemory-policy"]; p != "" && p != "noeviction" {
		return misconfigured("redis %s runs with maxmemory-policy %s: it may drop wakes; set noeviction (override with --i-accept-data-loss)", r.Name, p)
	}
	return nil
}

// redisChecks ask each Redis whether it is there. None is needed.
func (a *App) redisChecks() (all []ops.Check) {
	for _, r := range a.news {
		name := "redis"
		if len(a.news) > 1 {
			name += " " + r.Name
		}
		all = append(all, ops.Check{Name: name, Ask: func(ctx context.Context) error { return r.Client.Ping(ctx).Err() }})
	}
	return all
}

// pingRedis asks all of them at once; an error says that one at least does not answer.
func (a *App) pingRedis(ctx context.Context) error {
	answers := make([]error, len(a.news))
	var asked sync.WaitGroup
	for i, r := range a.news {
		asked.Go(func() { answers[i] = r.Client.Ping(ctx).Err() })
	}
	asked.Wait()
	return errors.Join(answers...)
}

// queuesPage shows the queues of each Redis. Where there are several, /queues leads to them.
func (a *App) queuesPage() http.Handler {
	show := func(root string, r queue.Redis) http.Handler {
		h := asynqmon.New(asynqmon.Options{RootPath: root, RedisConnOpt: queue.At{Redis: r, Limit: 2 * time.Second}, ReadOnly: true})
		a.closers = append(a.closers, func() { _ = h.Close() })
		return h
	}
	if len(a.redis) == 1 {
		return show("/queues", a.redis[0])
	}
	mux, index := http.NewServeMux(), "<!doctype html><title>Queues</title><ul>\n"
	for i, r := range a.redis {
		root := "/queues/" + strconv.Itoa(i+1)
		h := show(root, r)
		mux.Handle(root, h)
		mux.Handle(root+"/", h)
		index += fmt.Sprintf("<li><a href=\"%s/\">%s</a>\n", root, html.EscapeString(r.Name))
	}
	mux.HandleFunc("/queues", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, index+"</ul>\n") // who is gone needs no answer
	})
	return mux
}
