package detection

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"filo/internal/logline"
)

// lines makes n lines of a kind as a busy day writes them: many sources, some of
// them attacking.
func lines(kind string, n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	ip := func() string { return fmt.Sprintf("203.0.113.%d", 1+r.IntN(60)) }
	users := []string{"root", "root", "root", "admin", "admin", "test", "oracle", "postgres", "ubuntu", "guest", "ftp", "user"}
	out := make([][]byte, n)
	for i := range out {
		at := start.Add(time.Duration(i) * 20 * time.Millisecond)
		switch kind {
		case "sshd":
			out[i] = fmt.Appendf(nil, "%s gate sshd[%d]: Failed password for invalid user %s from %s port %d ssh2", at.Format(time.Stamp), 1000+r.IntN(9000), users[r.IntN(len(users))], ip(), 1024+r.IntN(60000))
		case "combined":
			out[i] = fmt.Appendf(nil, `%s - - [%s] "GET /servizi/pagina%d.html?id=%d HTTP/1.1" %d %d "https://comune.example/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"`, ip(), at.Format("02/Jan/2006:15:04:05 -0700"), r.IntN(900), r.IntN(9999), []int{200, 200, 200, 304, 404}[r.IntN(5)], r.IntN(90000))
		case "fortigate":
			out[i] = fmt.Appendf(nil, `date=%s time=%s devname="FG100" devid="FG100ETK18000000" eventtime=%d tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=%s srcport=%d srcintf="wan1" srcintfrole="wan" dstip=192.0.2.%d dstport=%d dstintf="port1" dstintfrole="lan" srccountry="Italy" dstcountry="Italy" sessionid=%d proto=6 action=%q policyid=%d policytype="policy" service="HTTPS" trandisp="noop" duration=%d sentbyte=%d rcvdbyte=%d sentpkt=%d rcvdpkt=%d appcat="unscanned" crscore=0 craction=0`,
				at.Format(time.DateOnly), at.Format(time.TimeOnly), at.UnixNano(), ip(), 1024+r.IntN(60000), 1+r.IntN(30), []int{443, 80, 22, 25}[r.IntN(4)], i, []string{"accept", "close", "deny"}[r.IntN(3)], r.IntN(30), r.IntN(300), r.IntN(9999), r.IntN(99999), r.IntN(99), r.IntN(99))
		}
	}
	return out
}

func BenchmarkParseAndAllRules(b *testing.B) {
	for _, kind := range []string{"sshd", "combined", "fortigate"} {
		b.Run(kind, func(b *testing.B) {
			list := lines(kind, 20_000)
			size := 0
			for _, l := range list {
				size += len(l)
			}
			g := New(Options{})
			r := &logline.Reader{Zone: time.UTC, Now: func() time.Time { return start.Add(24 * time.Hour) }}
			b.SetBytes(int64(size / len(list)))
			i := 0
			for b.Loop() {
				e, _ := r.Read(list[i%len(list)])
				e.Time = start.Add(time.Duration(i) * 20 * time.Millisecond) // the lines come again and again
				g.Feed(&e, list[i%len(list)], "l")
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
