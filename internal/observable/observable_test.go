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
	var out []string
	Each([]byte(line), func(v Value) { out = append(out, v.Value) })
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

func TestADomainIndicatorCoversItsSubdomainsAndANetworkItsAddresses(t *testing.T) {
	s := NewSet()
	for _, v := range []Value{{Domain, "evil.example"}, {Network, "198.51.100.0/24"}, {IPv4, "203.0.113.9"}} {
		if err := s.Add(v.Kind, v.Value, "k-"+v.Value); err != nil {
			t.Fatal(err)
		}
	}
	for v, want := range map[Value]int{
		{Domain, "a.b.evil.example"}: 1, {Domain, "evil.example"}: 1, {Domain, "notevil.example"}: 0,
		{IPv4, "198.51.100.200"}: 1, {IPv4, "198.51.101.1"}: 0, {IPv4, "203.0.113.9"}: 1,
	} {
		if got := s.Match(v); len(got) != want {
			t.Errorf("%v matches %v", v, got)
		}
	}
	s.Remove(Network, "198.51.100.0/24", "k-198.51.100.0/24")
	s.Remove(Domain, "evil.example", "k-evil.example")
	if s.Len() != 1 || s.Match(Value{IPv4, "198.51.100.200"}) != nil {
		t.Errorf("after removal %d are left", s.Len())
	}
}

func FuzzEach(f *testing.F) {
	f.Add([]byte("from 203.0.113.9 port 22 http://a.example/x capo@evil.example ip-1-2-3-4 ::1"))
	f.Add([]byte("\xff\x00:::@@--..__"))
	f.Fuzz(func(t *testing.T, line []byte) {
		Each(line, func(v Value) {
			if w, err := Parse(v.Kind, v.Value); err != nil || w != v {
				t.Errorf("%v is not in normal form: %v %v", v, w, err)
			}
		})
	})
}

func BenchmarkEach(b *testing.B) {
	line := []byte("Dec 10 06:55:48 gate sshd[24200]: Failed password for invalid user webmaster from 203.0.113.186 port 38926 ssh2")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		Each(line, func(Value) {})
	}
}
