package observable

import (
	"slices"
	"testing"
)

func TestValuesComeToOneNormalForm(t *testing.T) {
	for typed, want := range map[string]Value{
		"203.0.113.9":                      {IPv4, "203.0.113.9"},
		"203[.]0[.]113[.]9":                {IPv4, "203.0.113.9"},
		"::ffff:203.0.113.9":               {IPv4, "203.0.113.9"},
		"2001:DB8:0:0::7":                  {IPv6, "2001:db8::7"},
		"198.51.100.77/24":                 {Network, "198.51.100.0/24"},
		"hxxp://Evil.Example:80/A?b#c":     {URL, "http://evil.example/A?b"},
		"Evil[.]Example.":                  {Domain, "evil.example"},
		"münchen.example":                  {Domain, "xn--mnchen-3ya.example"},
		"Capo@Evil.example":                {Email, "capo@evil.example"},
		"D41D8CD98F00B204E9800998ECF8427E": {MD5, "d41d8cd98f00b204e9800998ecf8427e"},
	} {
		if got, err := Guess(typed); err != nil || got != want {
			t.Errorf("%q reads as %v (%v), want %v", typed, got, err, want)
		}
	}
	for _, none := range []string{"", "ciao", "1.2.3", "300.1.1.1", "a b", "javascript:alert(1)", "http://"} {
		if got, err := Guess(none); err == nil {
			t.Errorf("%q reads as %v, want an error", none, got)
		}
	}
}

func found(line string) []string {
	b := []byte(line)
	var out []string
	for _, t := range (Finder{Seed: 1}).Find(b, nil) {
		if v, ok := t.Value(b); ok {
			out = append(out, v.Value)
		}
	}
	return out
}

func TestOnlyWholeTokensAreFoundInALine(t *testing.T) {
	for line, want := range map[string][]string{
		"Failed password for root from 203.0.113.9 port 22 ssh2":        {"203.0.113.9"},
		"35.167.66.243 is not 5.167.66.243x":                            {"35.167.66.243"},
		"client=203.0.113.9:51234 [2001:db8::7]:443":                    {"203.0.113.9", "2001:db8::7"},
		"full 2001:0db8:0000:0000:0000:0000:0000:0007 end":              {"2001:db8::7"},
		"get http://www.evil.example/a.php?x=1 now":                     {"http://www.evil.example/a.php?x=1", "www.evil.example"},
		"mail from=<capo@evil.example>":                                 {"capo@evil.example", "evil.example"},
		"host ip-203-0-113-9.cloud.example up":                          {"203.0.113.9"},
		"sha d41d8cd98f00b204e9800998ecf8427e, short d41d8cd98f00b204e": {"d41d8cd98f00b204e9800998ecf8427e"},
		"\xff\x00\xfe 203.0.113.9\x00":                                  {"203.0.113.9"},
	} {
		got := found(line)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: %q is not found, only %q", line, w, got)
			}
		}
	}
	if got := found("35.167.66.243 split.pn.gif"); slices.Contains(got, "5.167.66.243") {
		t.Error("a piece of an address counts as an address")
	}
}

func TestANetworkIsAskedForByTheAddressesInIt(t *testing.T) {
	f := Finder{Seed: 5}
	remembered := func(line string) map[Key]bool {
		out := map[Key]bool{}
		b := []byte(line)
		for _, k := range f.Keys(b, f.Find(b, nil), nil) {
			out[k] = true
		}
		return out
	}
	for network, c := range map[string]struct{ in, out string }{
		"198.51.100.0/24":     {"from 198.51.100.200 port 1", "from 198.51.101.1 port 1"},
		"203.0.113.9/32":      {"from 203.0.113.9 port 1", "from 203.0.113.8 port 1"},
		"2001:db8:1:2::/64":   {"from 2001:db8:1:2::7 port 1", "from 2001:db8:1:3::7 port 1"},
		"2001:db8:1::/48":     {"from 2001:db8:1:2::7 port 1", "from 2001:db8:2:2::7 port 1"},
		"2001:db8:1:200::/56": {"from 2001:db8:1:2ff::7 port 1", "from 2001:db8:1:300::7 port 1"},
	} {
		asked, err := f.Seed.Ask(Value{Network, network})
		if err != nil {
			t.Fatal(err)
		}
		hit := func(line string) bool {
			have := remembered(line)
			return slices.ContainsFunc(asked, func(k Key) bool { return have[k] })
		}
		if !hit(c.in) || hit(c.out) {
			t.Errorf("%s: inside %v, outside %v", network, hit(c.in), hit(c.out))
		}
	}
	for _, n := range []string{"10.0.0.0/8", "2001:db8::/33"} {
		if _, err := f.Seed.Ask(Value{Network, n}); err == nil {
			t.Errorf("%s is promised an answer that the look-back cannot give", n)
		}
	}
}
