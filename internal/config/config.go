// Package config is everything that can be configured: one struct, read from flags, environment and an optional file by
// cmd/gatehouse. Each field says what it means; Check says what is wrong with the whole, in one clear line each.
//
// It refuses what it does not know: an unknown flag, an unknown key in the file, an unknown GATEHOUSE_ variable.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is how an instance runs. Tags: kong's.
type Config struct {
	Role        string   `kong:"-"` // what this process does: all, gateway (HTTP and sockets) or worker; a flag of serve
	Listen      string   `help:"Public listener: webhooks, widget, API, inbox." default:"127.0.0.1:8080" env:"GATEHOUSE_LISTEN"`
	OpsListen   string   `help:"Operators' listener: healthz, readyz, metrics, queues. Keep it private." default:"127.0.0.1:9090" env:"GATEHOUSE_OPS_LISTEN"`
	PublicURL   string   `help:"The address under which people and providers reach the public listener. Default: http:// and the listener." env:"GATEHOUSE_PUBLIC_URL"`
	DatabaseURL string   `help:"Postgres. Empty: a private one below the data folder." env:"DATABASE_URL"`
	RedisURL    string   `help:"Redis: redis://…, or redis-sentinel://host,host/?master=…; several, each on its own, divided by commas. Empty with an empty DATABASE_URL: a private one." env:"REDIS_URL"`
	Prefix      string   `help:"Name of this installation in Redis." default:"gatehouse" env:"GATEHOUSE_REDIS_PREFIX"`
	Data        string   `help:"Data folder: media, and the private Postgres and Redis." default:"data" env:"GATEHOUSE_DATA"`
	SecretKey   string   `help:"32 random bytes in hex or base64: seals provider tokens, signs links. Needed with DATABASE_URL." env:"GATEHOUSE_SECRET_KEY"`
	OldKeys     []string `help:"Earlier secret keys that still open what they sealed." env:"GATEHOUSE_OLD_SECRET_KEYS"`

	LogLevel  string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"GATEHOUSE_LOG_LEVEL"`
	LogFormat string `help:"json or text." enum:"json,text" default:"json" env:"GATEHOUSE_LOG_FORMAT"`

	TrustedProxies []string `help:"Networks (CIDR) of proxies whose X-Forwarded-For is believed." env:"GATEHOUSE_TRUSTED_PROXIES"`
	AllowHosts     []string `help:"host:port pairs that outgoing connections may reach although they are private: a Graph stand-in, a store on the same network." env:"GATEHOUSE_ALLOW_HOSTS"`

	DatabaseConns int           `help:"Postgres connections for agents and the API, half of them for reading; drainers and webhooks have a few of their own." default:"16" env:"GATEHOUSE_DATABASE_CONNS"`
	Parallel      int           `help:"Pieces of work that a worker does at once, and as many that wait for providers." default:"16" env:"GATEHOUSE_PARALLEL"`
	Senders       int           `help:"Channel accounts that a worker sends for at once." default:"256" env:"GATEHOUSE_SENDERS"`
	KeepEvents    time.Duration `help:"How long raw webhooks are kept, for replay: whole days, at least three." default:"336h" env:"GATEHOUSE_KEEP_EVENTS"`
	StopGrace     time.Duration `help:"How long stopping may take." default:"25s" env:"GATEHOUSE_STOP_GRACE"`
	AcceptLoss    bool          `name:"i-accept-data-loss" help:"Run although Postgres or Redis may forget what they were given." env:"GATEHOUSE_I_ACCEPT_DATA_LOSS"`

	S3 S3 `embed:"" prefix:"s3-" envprefix:"GATEHOUSE_S3_"`
}

// S3 is where files go instead of the data folder, if an endpoint is set.
type S3 struct {
	Endpoint  string `help:"S3-compatible endpoint, host:port. Empty: files lie in the data folder." env:"ENDPOINT"`
	Bucket    string `help:"Bucket." env:"BUCKET"`
	Region    string `help:"Region." default:"us-east-1" env:"REGION"`
	AccessKey string `help:"Access key." env:"ACCESS_KEY"`
	SecretKey string `help:"Secret key." env:"SECRET_KEY"`
	Insecure  bool   `help:"Speak plain HTTP to the endpoint." env:"INSECURE"`
	PathStyle bool   `help:"Bucket in the path instead of the host name." env:"PATH_STYLE"`
}

// Embedded tells whether this instance runs its own Postgres and Redis.
func (c Config) Embedded() bool { return c.DatabaseURL == "" }

// Gateway and Worker tell what this process does.
func (c Config) Gateway() bool { return c.Role != "worker" }

// Worker tells whether this process handles wakes.
func (c Config) Worker() bool { return c.Role != "gateway" }

// Public is the address under which the public listener is reached, without a trailing slash.
func (c Config) Public() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	return "http://" + c.Listen
}

// Missing says what an instance cannot do without, a line each; nil is fine.
func (c Config) Missing() (missing []string) {
	if c.Embedded() {
		return nil
	}
	if c.RedisURL == "" {
		missing = append(missing, "REDIS_URL is needed with DATABASE_URL")
	}
	if c.SecretKey == "" {
		missing = append(missing, "GATEHOUSE_SECRET_KEY is needed with DATABASE_URL: 32 random bytes, for example from `openssl rand -hex 32`")
	}
	return missing
}

// Check says which values cannot be, a line each; nil is fine.
func (c Config) Check() (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for name, listen := range map[string]string{"GATEHOUSE_LISTEN": c.Listen, "GATEHOUSE_OPS_LISTEN": c.OpsListen} {
		if _, port, err := net.SplitHostPort(listen); err != nil {
			bad("%s: %q is not host:port", name, listen)
		} else if n, err := strconv.ParseUint(port, 10, 16); err != nil {
			bad("%s: %q is not a port (0 to 65535)", name, port)
		} else if n == 0 && name == "GATEHOUSE_LISTEN" && c.PublicURL == "" {
			bad("%s: port 0 needs GATEHOUSE_PUBLIC_URL", name)
		}
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			bad("GATEHOUSE_PUBLIC_URL: %q is not an http(s) address without a path", c.PublicURL)
		}
	}
	if c.KeepEvents < 72*time.Hour {
		bad("GATEHOUSE_KEEP_EVENTS: %s is less than 72h: partitions are made from yesterday on, and providers come again", c.KeepEvents)
	}
	if c.Embedded() && c.RedisURL != "" {
		bad("REDIS_URL without DATABASE_URL: give both, or neither for private ones")
	}
	if c.Embedded() && c.Role != "all" && c.Role != "" {
		bad("--role=%s needs DATABASE_URL and REDIS_URL: private servers belong to one process", c.Role)
	}
	for _, p := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			bad("GATEHOUSE_TRUSTED_PROXIES: %q is not a network such as 10.0.0.0/8", p)
		}
	}
	for _, h := range c.AllowHosts {
		if _, _, err := net.SplitHostPort(h); err != nil {
			bad("GATEHOUSE_ALLOW_HOSTS: %q is not host:port", h)
		}
	}
	if c.DatabaseConns < 2 || c.DatabaseConns > 500 {
		bad("GATEHOUSE_DATABASE_CONNS: %d is not between 2 and 500", c.DatabaseConns)
	}
	if c.Parallel < 1 || c.Parallel > 1000 {
		bad("GATEHOUSE_PARALLEL: %d is not between 1 and 1000", c.Parallel)
	}
	if c.Senders < 1 || c.Senders > 10_000 {
		bad("GATEHOUSE_SENDERS: %d is not between 1 and 10000", c.Senders)
	}
	if c.StopGrace < time.Second || c.StopGrace > 5*time.Minute {
		bad("GATEHOUSE_STOP_GRACE: %s is not between 1s and 5m", c.StopGrace)
	}
	if c.S3.Endpoint != "" && (c.S3.Bucket == "" || c.S3.AccessKey == "" || c.S3.SecretKey == "") {
		bad("GATEHOUSE_S3_ENDPOINT needs GATEHOUSE_S3_BUCKET, GATEHOUSE_S3_ACCESS_KEY and GATEHOUSE_S3_SECRET_KEY")
	}
	slices.Sort(wrong)
	return wrong
}

// Variables are the environment variables that Gatehouse reads, with what they mean and their defaults.
func Variables() []Variable { return variables(reflect.TypeFor[Config](), "") }

// Variable is an environment variable.
type Variable struct{ Name, Help, Default string }

func variables(t reflect.Type, prefix string) (out []Variable) {
	for f := range t.Fields() {
		if f.Type.Kind() == reflect.Struct {
			out = append(out, variables(f.Type, f.Tag.Get("envprefix"))...)
			continue
		}
		if env := f.Tag.Get("env"); env != "" {
			out = append(out, Variable{prefix + env, f.Tag.Get("help"), f.Tag.Get("default")})
		}
	}
	return out
}

// Names are the settings as a configuration file names them: the flags' names.
func Names() []string { return append(names(reflect.TypeFor[Config](), ""), "role") }

func names(t reflect.Type, prefix string) (out []string) {
	for f := range t.Fields() {
		switch {
		case f.Tag.Get("kong") == "-":
		case f.Type.Kind() == reflect.Struct:
			out = append(out, names(f.Type, f.Tag.Get("prefix"))...)
		case f.Tag.Get("name") != "":
			out = append(out, prefix+f.Tag.Get("name"))
		default:
			out = append(out, prefix+dashed(f.Name))
		}
	}
	return out
}

// dashed writes a field's name as kong does: DatabaseURL is database-url.
func dashed(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && (name[i-1] >= 'a' || i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z') {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// UnknownVariables finds GATEHOUSE_ variables in the environment that mean nothing: most often a typing error.
func UnknownVariables(environ []string, alsoKnown ...string) (unknown []string) {
	known := map[string]bool{}
	for _, v := range Variables() {
		known[v.Name] = true
	}
	for _, v := range alsoKnown {
		known[v] = true
	}
	for _, e := range environ {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "GATEHOUSE_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// Redacted is the configuration without its secrets, for printing.
func (c Config) Redacted() Config {
	hide := func(s string) string {
		if s == "" {
			return ""
		}
		return "…"
	}
	c.SecretKey, c.S3.SecretKey = hide(c.SecretKey), hide(c.S3.SecretKey)
	for i := range c.OldKeys {
		c.OldKeys[i] = "…"
	}
	c.DatabaseURL, c.RedisURL = withoutPasswords(c.DatabaseURL), withoutPasswords(c.RedisURL)
	return c
}

// withoutPasswords shows addresses divided by commas: what stands before an @ and after a question mark is hidden, and what begins
// like no address is hidden whole.
func withoutPasswords(list string) string {
	var all []string // what has no scheme belongs to the address before it
	for part := range strings.SplitSeq(list, ",") {
		if len(all) == 0 || strings.Contains(part, "://") {
			all = append(all, part)
		} else {
			all[len(all)-1] += "," + part
		}
	}
	for i, one := range all {
		scheme, rest, isAddress := strings.Cut(one, "://")
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = "…" + rest[at:]
		}
		rest, settings, _ := strings.Cut(rest, "?")
		switch all[i] = scheme + "://" + rest; {
		case one == "":
			all[i] = ""
		case !isAddress:
			all[i] = "…"
		case settings != "":
			all[i] += "?…"
		}
	}
	return strings.Join(all, ",")
}
