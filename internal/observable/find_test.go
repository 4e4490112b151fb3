package observable

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// values gives what Finder finds in a line, in normal form, sorted, each once.
func values(line string) []string {
	b := []byte(line)
	f := Finder{Seed: 7}
	var out []string
	for _, t := range f.Find(b, nil) {
		v, ok := t.Value(b)
		if !ok {
			continue
		}
		if k, _ := f.Seed.Of(v); k != t.Key {
			out = append(out, "WRONG KEY "+v.Value)
		}
		out = append(out, v.Kind+" "+v.Value)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	runs   = regexp.MustCompile(`[A-Za-z0-9_.-]+`)
	v6runs = regexp.MustCompile(`[0-9A-Fa-f:.]+`)
)

// slow is the matcher that is obviously right, for addresses, names and hashes:
// every run of bytes of a name, trimmed, read by the standard library.
func slow(line string) []string {
	var out []string
	add := func(kind, s string) bool {
		v, err := Parse(kind, s)
		if err == nil {
			out = append(out, v.Kind+" "+v.Value)
		}
		return err == nil
	}
	for _, run := range runs.FindAllString(line, -1) {
		s := strings.Trim(run, ".-")
		if len(s) >= 4 && strings.Contains(s, ".") {
			if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
				add(IPv4, s)
			} else if last := s[strings.LastIndexByte(s, '.')+1:]; len(last) <= 24 && last != "" && last[len(last)-1]|0x20 >= 'a' && last[len(last)-1]|0x20 <= 'z' && !strings.Contains(s, "..") && len(s) <= 253 {
				long := false
				for _, l := range strings.Split(s, ".") {
					long = long || len(l) > 63
				}
				for name := s; strings.Contains(name, ".") && !long; {
					add(Domain, name)
					_, name, _ = strings.Cut(name, ".")
				}
			}
		}
		if h := strings.TrimSuffix(run, "."); slices.Contains(hashSizes, len(h)) && strings.Trim(h, "0123456789abcdefABCDEF") == "" {
			add(hashKinds[len(h)], h)
		}
	}
	for _, at := range v6runs.FindAllStringIndex(line, -1) {
		s := strings.TrimRight(line[at[0]:at[1]], ".")
		rest := strings.TrimLeft(line[at[1]:], ".-")
		if at[0] > 0 && inName[line[at[0]-1]] || rest != "" && inName[rest[0]] {
			continue
		}
		// A MAC address and an IPv4 address joined by a colon are no IPv6 address.
		if n := strings.Count(s, ":"); n < 2 || n < 7 && !strings.Contains(s, "::") {
			continue
		}
		if !add(IPv6, s) && !add(IPv6, strings.TrimSuffix(s, ":")) {
			add(IPv4, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestTheQuickFinderSaysWhatTheSlowOneSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		"203.0.113.9", "1.2.3", "300.1.1.1", "01.2.3.4", "evil.example", "WWW.Evil.Example", "a_b.c-d.example", "split.png", "x.y9", "2001:db8::7", "::1", "2001:0db8:0000:0000:0000:0000:0000:0007",
		"10:11:12", "d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E0", strings.Repeat("ab", 32), strings.Repeat("0", 40), strings.Repeat("f", 128), "-", ".", "..", "_", "a", "é", "\xff", "abcdef",
		strings.Repeat("a", 64) + ".example", strings.Repeat("b.", 130) + "example", "1.2.3.4.5", "fe80::1%eth0", "aa:bb:cc:dd:ee:ff",
	}
	between := []string{" ", " ", " ", ",", "=", "\"", "(", "]", "|", ";", ".", "-", ":", "/"}
	for range 30_000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
			b.WriteString(between[r.IntN(len(between))])
		}
		line := b.String()
		got := slices.DeleteFunc(values(line), func(s string) bool { return strings.HasPrefix(s, URL) || strings.HasPrefix(s, Email) })
		if want := slow(line); !slices.Equal(got, want) {
			t.Fatalf("%q\n quick %q\n slow  %q", line, got, want)
		}
	}
}

func TestURLsMailsAndDashedAddressesAreFoundInTheirNormalForm(t *testing.T) {
	for line, want := range map[string]string{
		`get http://www.evil.example/a.php?x=1 now`:         "url http://www.evil.example/a.php?x=1",
		`see (HTTP://Evil.Example:80/A%20b).`:               "url http://evil.example/A%20b",
		`"u":"https:\/\/evil.example\/x"`:                   "url https://evil.example/x",
		`http://203.0.113.9/x;`:                             "url http://203.0.113.9/x",
		`http://capo:pw@evil.example/`:                      "url http://evil.example/",
		`from=<Capo+uno@Evil.example>`:                      "email-addr capo+uno@evil.example",
		`host ip-203-0-113-9.cloud.example up`:              "ipv4-addr 203.0.113.9",
		`host 203_0_113_9.cloud.example up`:                 "ipv4-addr 203.0.113.9",
		`[2001:db8::7]:443`:                                 "ipv6-addr 2001:db8::7",
		`::ffff:203.0.113.9`:                                "ipv4-addr 203.0.113.9",
		`client=203.0.113.9:51234`:                          "ipv4-addr 203.0.113.9",
		`sha512 ` + strings.Repeat("a1", 64) + `, and more`: "sha512 " + strings.Repeat("a1", 64),
	} {
		if got := values(line); !slices.Contains(got, want) {
			t.Errorf("%q gives %q, not %q", line, got, want)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{"203.0.113.9", "http://a.example/x", "a@b.example", "::1", "2001:db8::1:", strings.Repeat("f", 64), "x..y", "ip-1-2-3-4.a.example"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fd := Finder{Seed: 3}
		for _, tok := range fd.Find(b, nil) {
			v, ok := tok.Value(b)
			if !ok {
				continue
			}
			if k, has := fd.Seed.Of(v); !has || k != tok.Key {
				t.Fatalf("%q: the key of %v is not that of its token", b, v)
			}
			if a, isAddr := tok.Addr(b); tok.Class <= ClassIPv6 && (!isAddr || a.String() != v.Value) {
				t.Fatalf("%q: %v against %v", b, a, v)
			}
		}
	})
}

func TestAFilterForgetsNothing(t *testing.T) {
	f := NewFilter(5000)
	r := rand.New(rand.NewPCG(3, 4))
	var in []Key
	for range 5000 {
		k := Key(r.Uint64())
		if !f.Add(k) {
			t.Fatal("it is full before its time")
		}
		in = append(in, k)
	}
	for _, k := range append(in, 0) {
		if k == 0 {
			f.Add(0)
		}
		if !f.Has(k) {
			t.Fatalf("%x was forgotten", k)
		}
	}
	wrong := 0
	for range 100_000 {
		if f.Has(Key(r.Uint64())) {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d of 100,000 other keys pass", wrong)
	}
}

// corpus makes lines as five kinds of logs write them.
func corpus(lines int) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	ip := func() string {
		return fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	name := func() string { return fmt.Sprintf("h%d.zona%d.example", r.IntN(50000), r.IntN(900)) }
	var b strings.Builder
	for i := range lines {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "date=2026-11-24 time=10:%02d:%02d devname=\"FG100\" devid=\"FG100ETK18000000\" eventtime=1764000000000000000 tz=\"+0100\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" srcip=%s srcport=%d srcintf=\"port2\" dstip=%s dstport=443 dstintf=\"port1\" policyid=12 sessionid=%d proto=6 action=\"accept\" service=\"HTTPS\" hostname=\"%s\" sentbyte=%d rcvdbyte=%d\n", i%60, i%60, ip(), 1024+r.IntN(60000), ip(), i, name(), r.IntN(9999), r.IntN(99999))
		case 1:
			fmt.Fprintf(&b, "%s - - [24/Nov/2026:10:%02d:%02d +0100] \"GET /servizi/pagina%d.html HTTP/1.1\" 200 %d \"https://%s/area/%d\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n", ip(), i%60, i%60, r.IntN(900), r.IntN(9999), name(), r.IntN(99))
		case 2:
			fmt.Fprintf(&b, "2026-11-24T10:%02d:%02d.123456+01:00 srv sshd[%d]: Failed password for invalid user u%d from %s port %d ssh2\n", i%60, i%60, r.IntN(9999), r.IntN(99), ip(), 1024+r.IntN(60000))
		case 3:
			fmt.Fprintf(&b, "{\"EventTime\":\"2026-11-24 10:%02d:%02d\",\"Hostname\":\"PC%d.comune.example\",\"Channel\":\"Security\",\"EventID\":4624,\"TargetUserName\":\"utente%d\",\"IpAddress\":\"%s\",\"IpPort\":\"%d\",\"Hashes\":\"SHA256=%064X\",\"ProcessName\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\"}\n", i%60, i%60, r.IntN(200), r.IntN(99), ip(), r.IntN(60000), r.Uint64())
		case 4:
			fmt.Fprintf(&b, "1764000000.%06d\tC%d\t%s\t%d\t%s\t53\tudp\t%d\t%s\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tF\tF\tT\tT\t0\t%s\t60.000000\tF\n", i, i, ip(), 1024+r.IntN(60000), ip(), i, name(), ip())
		}
	}
	return []byte(b.String())
}

func BenchmarkFind(b *testing.B) {
	block := corpus(2000)
	f := Finder{Seed: 1}
	var out []Token
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		out = f.Find(block, out[:0])
	}
	b.ReportMetric(float64(len(out)), "tokens")
}
