package edge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"filo/internal/clock"
	"filo/internal/wire"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// scanned gives what a scan says of lines.
func scanned(t *testing.T, lines ...string) *Scan {
	t.Helper()
	s := &Scan{Clock: clock.NewFake(start.Add(24 * time.Hour)), Zone: time.UTC, Stdin: strings.NewReader(strings.Join(lines, "\n") + "\n")}
	s.Files([]string{"-"})
	if len(s.Sources) != 1 || len(s.Troubles) > 0 {
		t.Fatalf("sources %v, troubles %v", s.Sources, s.Troubles)
	}
	return s
}

func check(s *Scan, name string) wire.Check {
	list := s.Sources[0].Checks
	if i := slices.IndexFunc(list, func(k wire.Check) bool { return k.Name == name }); i >= 0 {
		return list[i]
	}
	return wire.Check{}
}

func TestReadinessNamesWhatALogLacksWithTheFixForItsProduct(t *testing.T) {
	bare := func(i int) string {
		return fmt.Sprintf(`203.0.113.%d - - [24/Nov/2026:09:00:00 +0100] "GET / HTTP/1.1" 200 10 "-" "x"`, i%200+1)
	}
	var web, good, proxied []string
	for i := range 300 {
		web = append(web, bare(i))
		good = append(good, strings.Replace(bare(i), " - -", ":51000 - -", 1))
		proxied = append(proxied, strings.Replace(bare(i), fmt.Sprintf("203.0.113.%d", i%200+1), "10.0.0.5", 1))
	}
	s := scanned(t, web...)
	if k := check(s, "source_port"); k.OK || k.Product != "web" || !strings.Contains(k.Fix, "remote_port") {
		t.Errorf("source port: %+v", k)
	}
	if k := check(s, "zone"); !k.OK {
		t.Errorf("zone: %+v", k)
	}
	if k := check(scanned(t, good...), "source_port"); !k.OK {
		t.Errorf("with the port: %+v", k)
	}
	if k := check(scanned(t, proxied...), "proxy"); k.OK || !strings.Contains(k.Fix, "10.0.0.5") {
		t.Errorf("behind a proxy: %+v", k)
	}
	if better, worse := scanned(t, good...).Sources[0].Score, scanned(t, proxied...).Sources[0].Score; better <= worse || better > 100 {
		t.Errorf("scores %d and %d", better, worse)
	}
	mail := scanned(t, "Nov 24 08:55:46 posta postfix/smtpd[7]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6")
	if k := check(mail, "source_port"); k.OK || !strings.Contains(k.Fix, "smtpd_client_port_logging") {
		t.Errorf("postfix: %+v", k)
	}
	if k := check(mail, "zone"); k.OK || k.Fix == "" {
		t.Errorf("a stamp without zone: %+v", k)
	}
}
