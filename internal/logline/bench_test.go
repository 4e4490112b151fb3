package logline

import "testing"

// Parse only, one core: lines a second are a thousand million over ns/op.
func benchmarkLine(b *testing.B, line string) {
	r := reader()
	l := []byte(line)
	b.SetBytes(int64(len(l)))
	b.ReportAllocs()
	for b.Loop() {
		r.Parse(l)
	}
}

func BenchmarkSSHD(b *testing.B) {
	benchmarkLine(b, "Nov 24 08:55:46 gate sshd[24200]: Failed password for invalid user webmaster from 203.0.113.186 port 38926 ssh2")
}

func BenchmarkCombined(b *testing.B) {
	benchmarkLine(b, `203.0.113.186 - - [24/Nov/2026:09:55:36 +0100] "GET /servizi/anagrafe/certificati?tipo=nascita&anno=1981 HTTP/1.1" 200 15312 "https://www.comune.example/servizi" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"`)
}

func BenchmarkFortiGate(b *testing.B) {
	benchmarkLine(b, `date=2026-11-24 time=09:55:46 devname="FW-COMUNE" devid="FGT60F0000000001" eventtime=1795510546841267391 tz="+0100" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip=192.0.2.77 srcname="pc-anagrafe" srcport=51000 srcintf="lan" srcintfrole="lan" dstip=198.51.100.23 dstport=443 dstintf="wan1" dstintfrole="wan" srccountry="Reserved" dstcountry="Italy" sessionid=1200345 proto=6 action="close" policyid=12 policytype="policy" poluuid="a1b2c3d4-0000-51ef-0000-000000000000" service="HTTPS" trandisp="snat" transip=203.0.113.1 transport=51000 duration=12 sentbyte=2310 rcvdbyte=11820 sentpkt=14 rcvdpkt=18 appcat="unscanned"`)
}

func BenchmarkUnknown(b *testing.B) {
	benchmarkLine(b, "quarterly figures were copied to the archive by the night job, nothing else of interest happened in the rooms of the town hall today")
}

func BenchmarkUnknownSyslog(b *testing.B) {
	benchmarkLine(b, "Nov 24 08:55:46 gate stampante[811]: quarterly figures were copied to the archive by the night job, nothing else of interest happened")
}

func BenchmarkWindowsXML(b *testing.B) {
	benchmarkLine(b, windowsSamples[0].lines[0])
}

func BenchmarkSuricata(b *testing.B) {
	for _, s := range endpointSamples {
		if s.product == "suricata" {
			benchmarkLine(b, s.lines[0])
			return
		}
	}
}
