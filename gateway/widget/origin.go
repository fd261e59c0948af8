package widget

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parseOrigins reads a list of origins separated by commas or white space. What is not an origin, a wildcard or "null"
// is left out: a list can only allow less than its author meant.
func parseOrigins(list string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == ';' }) {
		if o, ok := canonicalOrigin(s); ok {
			out = append(out, o)
		}
	}
	return out
}

// canonicalOrigin gives an origin as browsers write it: scheme and host in lower case, no default port, nothing after it
// but at most one slash. The result is safe in a header.
func canonicalOrigin(s string) (string, bool) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#") {
		return "", false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme != "http" && scheme != "https" || host == "" || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	ipv6 := strings.Contains(host, ":")
	for _, r := range host {
		if r != '.' && r != '-' && r != '_' && !(r >= 'a' && r <= 'z') && !(r >= '0' && r <= '9') && !(ipv6 && r == ':') {
			return "", false // international names are written in punycode, as browsers send them
		}
	}
	if ipv6 {
		host = "[" + host + "]"
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", false
		}
		if !(scheme == "http" && n == 80) && !(scheme == "https" && n == 443) {
			host += ":" + strconv.FormatUint(n, 10)
		}
	}
	return scheme + "://" + host, true
}

// allows tells whether an Origin header names one of the origins, to the letter.
func allows(origins []string, header string) bool {
	return slices.Contains(origins, header)
}
