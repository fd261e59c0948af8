package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is one server that carries wakes and news, or the servers that Sentinel watches under one name.
type Redis struct {
	// Name is its address without what is secret. It decides what belongs to it, and is what operators are told.
	Name string

	plain   *redis.Options
	watched *redis.FailoverOptions
}

// ParseRedis reads addresses that are divided by commas:
//
//	redis://[user][:password]@host[:6379][/database]            rediss: with TLS
//	redis-sentinel://[user][:password]@host[:26379][,host…][/database]?master=name[&sentinel_user=…][&sentinel_password=…]
//
// rediss-sentinel is Sentinel with TLS; user and password are those of Redis itself. What else go-redis takes after the question
// mark may stand there. A comma, colon, slash or @ in a password is written as %2C, %3A, %2F, %40. An error names the address
// without its password.
func ParseRedis(list string) (all []Redis, err error) {
	for _, one := range splitAddresses(list) {
		r, err := parseOne(one)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", bare(one), err)
		}
		if slices.ContainsFunc(all, func(o Redis) bool { return o.Name == r.Name }) {
			return nil, fmt.Errorf("%s: is named twice; databases of one server are not told apart", bare(one))
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, errors.New("no address")
	}
	return all, nil
}

// splitAddresses divides at commas; what has no scheme is one more host of the address before it.
func splitAddresses(list string) (all []string) {
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		switch {
		case strings.Contains(part, "://") || len(all) == 0 && part != "":
			all = append(all, part)
		case part != "":
			all[len(all)-1] += "," + part
		}
	}
	return all
}

// bare is an address for people: without user, password and settings.
func bare(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

func parseOne(address string) (Redis, error) {
	switch scheme, _, _ := strings.Cut(address, "://"); scheme {
	case "redis", "rediss":
		o, err := redis.ParseURL(address)
		if err != nil {
			return Redis{}, reason(err)
		}
		return Redis{Name: o.Addr, plain: o}, hostPort(o.Addr)
	case "redis-sentinel", "rediss-sentinel":
		return parseSentinel(address)
	default:
		return Redis{}, errors.New("does not begin with redis://, rediss://, redis-sentinel:// or rediss-sentinel://")
	}
}

// parseSentinel has go-redis read the address in its own form, in which user and password are Sentinel's.
func parseSentinel(address string) (Redis, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	authority, after := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, after = rest[:i], rest[i:]
	}
	at := strings.LastIndexByte(authority, '@')
	var sentinels []string
	for host := range strings.SplitSeq(authority[at+1:], ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "26379")
		}
		if err := hostPort(host); err != nil {
			return Redis{}, err
		}
		sentinels = append(sentinels, host)
	}
	u, err := url.Parse(strings.TrimSuffix(scheme, "-sentinel") + "://" + authority[:at+1] + sentinels[0] + after)
	if err != nil {
		return Redis{}, reason(err)
	}
	q := u.Query()
	master, user, password := q.Get("master"), q.Get("sentinel_user"), q.Get("sentinel_password")
	if master == "" {
		return Redis{}, errors.New("?master= is missing: the name under which Sentinel watches")
	}
	for _, own := range []string{"master", "sentinel_user", "sentinel_password"} {
		q.Del(own)
	}
	// The first are said otherwise here; the others read from replicas, which take no wakes.
	for _, theirs := range []string{"master_name", "addr", "username", "password", "replica_only", "route_by_latency", "route_randomly"} {
		if q.Has(theirs) {
			return Redis{}, fmt.Errorf("%s has no meaning here", theirs)
		}
	}
	q.Set("master_name", master)
	for _, more := range sentinels[1:] {
		q.Add("addr", more)
	}
	ofRedis := u.User
	u.User, u.RawQuery = nil, q.Encode()
	o, err := redis.ParseFailoverURL(u.String())
	if err != nil {
		return Redis{}, reason(err)
	}
	o.SentinelUsername, o.SentinelPassword, o.Username = user, password, ofRedis.Username()
	o.Password, _ = ofRedis.Password()
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = "" // each server's own
	}
	slices.Sort(sentinels)
	// A slash: with an @ it would read like an e-mail address, which the log cuts out.
	return Redis{Name: master + "/" + strings.Join(sentinels, ","), watched: o}, nil
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n == 0 || host == "" {
		return fmt.Errorf("%q is not host:port", s)
	}
	return nil
}

// reason is what url.Parse found, without the address that it puts before it.
func reason(err error) error {
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		if _, ok := errors.AsType[url.EscapeError](wrong.Err); ok {
			return errors.New("a % that is not an escape")
		}
		return errors.New("not an address")
	}
	return err
}

// Open makes a client. limit bounds each dial, read and write: a context's deadline does not end one, only the tries after it.
// Nothing is dialed before the first command.
func (r Redis) Open(limit time.Duration) redis.UniversalClient {
	if r.watched != nil {
		o := *r.watched
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit, limit, limit
		return redis.NewFailoverClient(&o)
	}
	o := *r.plain
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit, limit, limit
	return redis.NewClient(&o)
}

// At is a Redis as Asynq's own parts want it.
type At struct {
	Redis
	Limit time.Duration
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (a At) MakeRedisClient() any { return a.Open(a.Limit) }

// LogRedis has go-redis, which has one logger for the whole process, tell what it does to log: it would write to the standard error.
func LogRedis(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "go-redis", "said", fmt.Sprintf(format, args...))
}
