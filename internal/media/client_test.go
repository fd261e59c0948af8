package media

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// canary is a server on the loopback that counts who connects.
type canary struct {
	*httptest.Server
	connections atomic.Int32
}

func newCanary(t testing.TB) *canary {
	t.Helper()
	c := &canary{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/private", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "private")
	}))
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.connections.Add(1)
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *canary) hostPort() string { return c.Listener.Addr().String() }

func (c *canary) port() string {
	_, port, _ := net.SplitHostPort(c.hostPort())
	return port
}

// names is a DNS server in memory: each look-up of an A record takes the next of the answers.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.serve(theirs)
		return ours, nil
	}}
}

// serve answers in the form of DNS over TCP, which the resolver speaks where it has no packet connection.
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		reply, err := n.reply(question)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func (n *names) reply(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		n.mu.Lock()
		for _, a := range n.answers[n.asked%len(n.answers)] {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: a.As4()},
			})
		}
		n.asked++
		n.mu.Unlock()
	}
	return m.Pack()
}

// B69, S40: no spelling of a private address is connected to.
func TestNoPrivateAddressIsConnectedTo(t *testing.T) {
	t.Parallel()
	c := newCanary(t)
	client := Client(ClientConfig{Resolver: (&names{answers: [][]netip.Addr{{netip.MustParseAddr("127.0.0.1")}}}).resolver()})
	defer client.CloseIdleConnections()
	port := c.port()
	for _, address := range []string{
		"http://127.0.0.1:" + port + "/",
		"http://127.1.2.3:" + port + "/",
		"http://localhost:" + port + "/",
		"http://LOCALHOST.:" + port + "/",
		"http://[::1]:" + port + "/",
		"http://[::ffff:127.0.0.1]:" + port + "/",
		"http://[::ffff:7f00:1]:" + port + "/",
		"http://[::127.0.0.1]:" + port + "/",
		"http://[64:ff9b::127.0.0.1]:" + port + "/",
		"http://[2002:7f00:1::]:" + port + "/",
		"http://[::]:" + port + "/",
		"http://0.0.0.0:" + port + "/",
		"http://0:" + port + "/",
		"http://0x7f000001:" + port + "/",
		"http://2130706433:" + port + "/",
		"http://0177.0.0.1:" + port + "/",
		"http://127.1:" + port + "/",
		"http://harmless.example:" + port + "/", // resolves to 127.0.0.1
		"http://127.0.0.1.nip.example:" + port + "/",
		"http://169.254.169.254/latest/meta-data/",
		"http://[fd00:ec2::254]/latest/meta-data/",
		"http://100.100.100.200/latest/meta-data/",
		"http://168.63.129.16/",
		"http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/",
		"http://[fe80::1%25lo]/", "http://[fc00::1]/", "http://[ff02::1]/", "http://224.0.0.1/", "http://255.255.255.255/",
		"https://127.0.0.1:" + port + "/",
	} {
		resp, err := client.Get(address)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: answered %s", address, resp.Status)
		} else if unknown := new(net.DNSError); !errors.Is(err, ErrBlocked) && !errors.As(err, &unknown) { // 127.1 is no name
			t.Errorf("%s: failed otherwise: %v", address, err)
		}
	}
	if n := c.connections.Load(); n != 0 {
		t.Errorf("%d connections to the canary", n)
	}
}

// B69: only http and https, and no password in the address; nothing is looked up for others.
func TestOtherSchemesAreRefused(t *testing.T) {
	t.Parallel()
	dns := &names{answers: [][]netip.Addr{nil}}
	client := Client(ClientConfig{Resolver: dns.resolver()})
	for _, address := range []string{
		"file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "dict://example.com:11211/", "unix:///var/run/docker.sock",
		"data:text/html,x", "javascript:alert(1)", "http:///x", "http://:80/", "http://user:pass@example.com/", "//example.com/", "example.com",
	} {
		req, err := http.NewRequest(http.MethodPost, address, strings.NewReader("body"))
		if err != nil {
			continue // not even a URL
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: answered %s", address, resp.Status)
		} else if !errors.Is(err, ErrBlocked) && !strings.Contains(err.Error(), "no Host in request URL") {
			t.Errorf("%s: failed otherwise: %v", address, err)
		}
	}
	if dns.asked != 0 {
		t.Errorf("%d names were looked up", dns.asked)
	}
}

// B69: a name that is public when looked at and private when connected to.
func TestARebindingNameDoesNotGetThrough(t *testing.T) {
	t.Parallel()
	c := newCanary(t)
	here, public := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("93.184.215.14")
	stop := errors.New("stopped before leaving the machine")
	for name, answers := range map[string][][]netip.Addr{
		"public first, private next": {{public}, {here}, {here}},
		"both at once":               {{public, here}},
		"private first":              {{here, public}},
	} {
		var dialed []string
		var mu sync.Mutex
		client := newClient(ClientConfig{Resolver: (&names{answers: answers}).resolver()}, func(address string) error {
			if err := checkAddress(address); err != nil {
				return err
			}
			mu.Lock()
			dialed = append(dialed, address)
			mu.Unlock()
			return stop
		})
		for range 3 {
			resp, err := client.Get("http://rebind.example:" + c.port() + "/")
			if err == nil {
				_ = resp.Body.Close()
				t.Fatalf("%s: answered %s", name, resp.Status)
			}
			if !errors.Is(err, ErrBlocked) && !errors.Is(err, stop) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, address := range dialed {
			if !strings.HasPrefix(address, public.String()) {
				t.Errorf("%s: dialed %s", name, address)
			}
		}
		if len(dialed) == 0 {
			t.Errorf("%s: the public address was never tried: the resolver is not asked", name)
		}
	}
	if n := c.connections.Load(); n != 0 {
		t.Errorf("%d connections to the canary", n)
	}
}

// B69, S41: a redirect is an answer, not a journey.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	c := newCanary(t)
	client := Client(ClientConfig{Allow: func(hostPort string) bool { return hostPort == c.hostPort() }})
	defer client.CloseIdleConnections()
	resp, err := client.Get(c.URL + "/redirect")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestOnlyTheExactHostAndPortIsAllowed(t *testing.T) {
	t.Parallel()
	c, other := newCanary(t), newCanary(t)
	allowed, err := HostPort(c.URL + "/v26.0")
	if err != nil || allowed != c.hostPort() {
		t.Fatal(allowed, err)
	}
	client := Client(ClientConfig{Allow: func(hostPort string) bool { return hostPort == allowed }})
	defer client.CloseIdleConnections()
	resp, err := client.Get(c.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil || string(body) != "private" {
		t.Errorf("%q, %v", body, err)
	}
	for _, address := range []string{other.URL, "http://localhost:" + c.port(), "http://127.0.0.1:" + c.port() + "0", "http://127.0.0.2:" + c.port()} {
		if resp, err := client.Get(address); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s was let through", address)
		}
	}
	if n := other.connections.Load(); n != 0 {
		t.Errorf("%d connections to the other", n)
	}
}

func TestTheClientKnowsNoProxyAndDoesNotDecompress(t *testing.T) {
	t.Parallel()
	client := Client(ClientConfig{})
	transport := client.Transport.(schemeGuard).next
	if transport.Proxy != nil || !transport.DisableCompression || client.Timeout <= 0 || client.Jar != nil {
		t.Errorf("%+v", transport)
	}
}

func TestAHostAndPortIsReadFromAURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://graph.facebook.com":           "graph.facebook.com:443",
		"https://Graph.Facebook.com/v26.0/":    "graph.facebook.com:443",
		"http://127.0.0.1:9000":                "127.0.0.1:9000",
		"http://example.com/a?b#c":             "example.com:80",
		"https://[2001:DB8::1]/":               "[2001:db8::1]:443",
		"https://user:pass@example.com:8443/x": "example.com:8443",
		"ftp://example.com":                    "",
		"example.com":                          "",
		"/path":                                "",
		"":                                     "",
		"https://":                             "",
		"http://exa mple.com":                  "",
		"://":                                  "",
	} {
		if got, err := HostPort(raw); got != want || (err == nil) != (want != "") {
			t.Errorf("HostPort(%q) = %q, %v", raw, got, err)
		}
	}
}

func TestPublicMeansPublic(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"1.1.1.1", "93.184.215.14", "31.13.64.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255", "192.0.1.0", "2606:4700::1111", "2a03:2880::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public", a)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.255.255.255", "168.63.129.16", "169.254.0.1", "172.16.0.0", "172.31.255.255",
		"192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.0", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::2", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:a00:1::", "3fff::1",
		"5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public", a)
		}
	}
	if public(netip.Addr{}) || checkAddress("") == nil || checkAddress("1.1.1.1") == nil || checkAddress("host:80") == nil {
		t.Error("what is no address is public")
	}
}

// FuzzSSRFAllow: whatever the URL, and whatever its name resolves to, nothing private is ever dialed.
func FuzzSSRFAllow(f *testing.F) {
	for _, seed := range []string{
		"http://127.0.0.1/", "http://[::ffff:127.0.0.1]:80/", "http://0x7f000001/", "http://169.254.169.254/latest", "http://example.com:22/x", "https://[2001:db8::1]/",
		"http://1.1.1.1/", "http://[64:ff9b::a00:1]/", "file:///etc/passwd", "http://a@10.0.0.1/", "http://\u2488\u2488.com/", "http://１２７.0.0.1/", "http://127.0.0.1%2f@example.com/",
	} {
		f.Add(seed, uint32(0x7f000001))
		f.Add(seed, uint32(0x01010101))
	}
	stop := errors.New("stopped before leaving the machine")
	f.Fuzz(func(t *testing.T, raw string, resolves uint32) {
		var private []string
		client := newClient(ClientConfig{
			Resolver: (&names{answers: [][]netip.Addr{{netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, resolves)))}}}).resolver(),
		}, func(address string) error {
			if err := checkAddress(address); err != nil {
				return err
			}
			host, _, err := net.SplitHostPort(address)
			ip := net.ParseIP(host) // an opinion of its own: the older package's
			if err != nil || ip == nil || ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || !ip.IsGlobalUnicast() {
				private = append(private, address)
			}
			return stop
		})
		req, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			return
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%q was answered", raw)
		}
		if len(private) > 0 {
			t.Fatalf("%q dialed %v", raw, private)
		}
		if _, ok := errors.AsType[*url.Error](err); !ok {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}
