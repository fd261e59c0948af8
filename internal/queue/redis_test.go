package queue

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/logging"
)

func TestAddressesOfRedisAreRead(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"redis://10.0.0.1":                                            {"10.0.0.1:6379"},
		"redis://:secret@10.0.0.1:7000/3":                             {"10.0.0.1:7000"},
		"redis://user:a%2Cb%40c@one/0,rediss://two:6380":              {"one:6379", "two:6380"},
		" redis://one ,\n redis://two, ":                              {"one:6379", "two:6379"},
		"redis://[::1]:7000":                                          {"[::1]:7000"},
		"redis-sentinel://b,a:5000/1?master=mine":                     {"mine/a:5000,b:26379"},
		"redis-sentinel://[::1],[::2]:7?master=mine":                  {"mine/[::1]:26379,[::2]:7"},
		"redis-sentinel://a,,b?master=x":                              {"x/a:26379,b:26379"},
		"redis-sentinel://a?master=x,redis://b":                       {"x/a:26379", "b:6379"},
		"redis-sentinel://a,b?master=x,redis-sentinel://a,b?master=y": {"x/a:26379,b:26379", "y/a:26379,b:26379"},
	} {
		all, err := ParseRedis(list)
		var got []string
		for _, r := range all {
			got = append(got, r.Name)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
}

// Two sets of servers that Sentinel watches must be told apart in the log, too.
func TestTheNameOfARedisIsNothingThatTheLogCutsOut(t *testing.T) {
	t.Parallel()
	all, err := ParseRedis("redis://u:w@r1.internal,redis-sentinel://u:w@10.0.0.1,s2.internal?master=mymaster,redis-sentinel://u:w@s3.internal?master=other.master")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		var out bytes.Buffer
		log, err := logging.New(&out, "info", "text")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("away", "redis", r.Name)
		if !strings.Contains(out.String(), r.Name) {
			t.Errorf("%s reads %s", r.Name, out.String())
		}
	}
}

// Asynq's own reading of an address drops the user, and takes a password before Sentinel's hosts for Sentinel's.
func TestUsersAndPasswordsReachThoseThatTheyAreFor(t *testing.T) {
	t.Parallel()
	all, err := ParseRedis("rediss://ann:one@h/2?max_retries=5,redis-sentinel://bob:t%3Awo@h,i/3?master=m&sentinel_user=eve&sentinel_password=thr%26ee&pool_size=7,rediss-sentinel://j,k?master=m")
	if err != nil {
		t.Fatal(err)
	}
	p, w, bare := all[0].plain, all[1].watched, all[2].watched
	if p.Username != "ann" || p.Password != "one" || p.DB != 2 || p.TLSConfig == nil || p.MaxRetries != 5 {
		t.Errorf("%+v", p)
	}
	if w.Username != "bob" || w.Password != "t:wo" || w.SentinelUsername != "eve" || w.SentinelPassword != "thr&ee" || w.DB != 3 ||
		w.MasterName != "m" || len(w.SentinelAddrs) != 2 || w.TLSConfig != nil || w.PoolSize != 7 {
		t.Errorf("%+v", w)
	}
	if bare.TLSConfig == nil || bare.TLSConfig.ServerName != "" || bare.Username+bare.Password+bare.SentinelUsername+bare.SentinelPassword != "" {
		t.Errorf("%+v", bare)
	}
}

func TestABadAddressIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for list, says := range map[string]string{
		"":                                  "no address",
		" , ":                               "no address",
		"h:6379":                            "h:6379",
		"http://u:hunter2@h":                "http://h: does not begin",
		"redis://one,redis://u:hunter2@h/x": "redis://h/x: redis: invalid database number",
		"redis://u:hunter2@h:99999":         `redis://h:99999: "h:99999" is not host:port`,
		"redis://u:hunter2@h:x":             "redis://h:x: not an address",
		"redis://u:hunter2%@h":              "redis://h: a % that is not an escape",
		"redis://h?colour=red":              "unexpected option: colour",
		"redis://h,redis://u:hunter2@h/2":   "named twice",
		"redis-sentinel://u:hunter2@a,b":    "redis-sentinel://a,b: ?master= is missing",
		"redis-sentinel://a:x?master=m":     `"a:x" is not host:port`,
		"redis-sentinel://?master=m":        "is not host:port",
		"redis-sentinel://a?master=m&password=hunter2":  "password has no meaning here",
		"redis-sentinel://a?master=m&replica_only=true": "replica_only has no meaning here",
		"redis-sentinel://a/x?master=m":                 "invalid database number",
	} {
		all, err := ParseRedis(list)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, %v; want %q", list, all, err, says)
		}
	}
}

func TestAUserOfAnAccessListGetsIn(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Redis(t)
	admin, err := ParseRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := admin[0].Open(5 * time.Second)
	defer func() { _ = rdb.Close() }()
	if err := rdb.Do(t.Context(), "ACL", "SETUSER", "gatehouse", "on", ">its word", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	own, err := ParseRedis("redis://gatehouse:its%20word@" + admin[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	mine := own[0].Open(5 * time.Second)
	defer func() { _ = mine.Close() }()
	if who, err := mine.Do(t.Context(), "ACL", "WHOAMI").Text(); err != nil || who != "gatehouse" {
		t.Errorf("is %q, %v", who, err)
	}
}
