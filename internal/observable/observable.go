// Package observable knows the technical values that logs carry and indicators
// name: addresses, networks, names, URLs, mail addresses, hashes. It brings them
// to one normal form and finds them as whole tokens in the raw bytes of a line.
package observable

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// The kinds, as STIX names them; network is an address with a prefix length.
const (
	IPv4    = "ipv4-addr"
	IPv6    = "ipv6-addr"
	Network = "network"
	Domain  = "domain-name"
	URL     = "url"
	Email   = "email-addr"
	MD5     = "md5"
	SHA1    = "sha1"
	SHA256  = "sha256"
	SHA512  = "sha512"
)

// Value is a value in normal form: addresses as RFC 5952 writes them, names in
// lower case and ASCII (punycode), URLs with lower-case scheme and host and
// without default port and fragment, hashes in lower case.
type Value struct {
	Kind  string
	Value string
}

var hashKinds = map[int]string{32: MD5, 40: SHA1, 64: SHA256, 128: SHA512}

// refang undoes the usual ways of making a value harmless in a text.
var refang = strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":", "{.}", ".", "[dot]", ".", "(dot)", ".", "[at]", "@", "[@]", "@",
	"hxxps://", "https://", "hxxp://", "http://", "hXXps://", "https://", "hXXp://", "http://", "[://]", "://")

// Guess finds out what kind a value typed by a person is, and gives its normal
// form. It fails when it is none of the kinds.
func Guess(s string) (Value, error) {
	s = refang.Replace(strings.TrimSpace(s))
	s = strings.Trim(s, `"'<>,;`)
	if s == "" || len(s) > 2048 {
		return Value{}, fmt.Errorf("%q is no address, name, URL, mail or hash", short(s))
	}
	order := []string{IPv4, IPv6, Network, MD5, SHA1, SHA256, SHA512, URL, Email, Domain}
	for _, kind := range order {
		if v, err := Parse(kind, s); err == nil {
			return v, nil
		}
	}
	return Value{}, fmt.Errorf("%q is no address, name, URL, mail or hash", short(s))
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Parse brings a value of a known kind to its normal form.
func Parse(kind, s string) (Value, error) {
	var out string
	var err error
	switch kind {
	case IPv4, IPv6:
		out, err = parseAddr(kind, s)
	case Network:
		var p netip.Prefix
		if p, err = netip.ParsePrefix(s); err == nil {
			out = p.Masked().String()
		}
	case Domain:
		out, err = parseDomain(s)
	case URL:
		out, err = parseURL(s)
	case Email:
		out, err = parseEmail(s)
	case MD5, SHA1, SHA256, SHA512:
		out = strings.ToLower(s)
		if hashKinds[len(s)] != kind || strings.Trim(out, "0123456789abcdef") != "" {
			err = fmt.Errorf("%q is no %s", short(s), kind)
		}
	default:
		err = fmt.Errorf("kind %q is unknown", kind)
	}
	if err != nil {
		return Value{}, err
	}
	return Value{kind, out}, nil
}

func parseAddr(kind, s string) (string, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return "", fmt.Errorf("%q is no address", short(s))
	}
	a = a.Unmap()
	if a.Is4() != (kind == IPv4) {
		return "", fmt.Errorf("%q is no %s", short(s), kind)
	}
	return a.String(), nil
}

func parseDomain(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil {
		// idna refuses the underscore, which real names have.
		if ascii = strings.ToLower(s); strings.Trim(ascii, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return "", fmt.Errorf("%q is no name", short(s))
		}
	}
	labels := strings.Split(ascii, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(ascii) > 253 || len(last) < 2 || last[len(last)-1] < 'a' {
		return "", fmt.Errorf("%q is no name", short(s))
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return "", fmt.Errorf("%q is no name", short(s))
		}
	}
	return ascii, nil
}

func parseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return "", fmt.Errorf("%q is no URL", short(s))
	}
	switch u.Scheme = strings.ToLower(u.Scheme); u.Scheme {
	case "http", "https", "ftp":
	default:
		return "", fmt.Errorf("%q is no URL", short(s))
	}
	host := strings.ToLower(u.Hostname())
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && !(u.Scheme == "http" && p == "80" || u.Scheme == "https" && p == "443" || u.Scheme == "ftp" && p == "21") {
		host += ":" + p
	}
	u.Host, u.Fragment, u.User = host, "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), nil
}

func parseEmail(s string) (string, error) {
	local, host, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || strings.ContainsAny(local, " \t\"<>(),;:\\") {
		return "", fmt.Errorf("%q is no mail address", short(s))
	}
	d, err := parseDomain(host)
	if err != nil {
		return "", err
	}
	return strings.ToLower(local) + "@" + d, nil
}
