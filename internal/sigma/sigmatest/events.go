// Package sigmatest makes Windows events as a shipper writes them, for tests and
// measurements of rules.
package sigmatest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Events makes n Windows events in JSON as a shipper writes them: Sysmon,
// Security and PowerShell, the same for the same seed.
func Events(n int, seed uint64) [][]byte {
	g := &gen{rand.New(rand.NewPCG(seed, 1))}
	out := make([][]byte, n)
	for i := range out {
		b, err := json.Marshal(g.event(i))
		if err != nil {
			panic(err)
		}
		out[i] = b
	}
	return out
}

type gen struct{ *rand.Rand }

func (g *gen) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *gen) image() string {
	return g.pick(`C:\Windows\System32\`, `C:\Windows\System32\`, `C:\Program Files\Protocollo\`, `C:\Users\ufficio\AppData\Local\Programs\`, `C:\Windows\SysWOW64\`) +
		g.pick("svchost.exe", "conhost.exe", "cmd.exe", "powershell.exe", "backgroundTaskHost.exe", "protocollo.exe", "anagrafe.exe", "msedge.exe", "rundll32.exe", "taskhostw.exe", "SearchIndexer.exe", "dllhost.exe", "WmiPrvSE.exe", "tributi.exe")
}

func (g *gen) args() string {
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteString(g.pick(" -k netsvcs", " -p", " -s Schedule", " /c dir", " -NoProfile", " -File c:\\script\\copia.ps1", " --type=renderer", " --lang=it", " /automation", " -Embedding", " {3E5FC7F9-9A51-4367-9063-A120244FBEC7}", " \"C:\\Users\\ufficio\\Documenti\\delibera 12.pdf\""))
	}
	return b.String()
}

func (g *gen) hash(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789ABCDEF"[g.IntN(16)]
	}
	return string(b)
}

func (g *gen) event(i int) map[string]any {
	pc := fmt.Sprintf("PC-%03d.comune.example", g.IntN(80))
	at := fmt.Sprintf("2026-11-%02d %02d:%02d:%02d.%03d", 1+i/40000%28, i/3600%24, i/60%60, i%60, g.IntN(1000))
	ev := map[string]any{
		"EventTime": at, "Hostname": pc, "Keywords": "-9223372036854775808", "Severity": "INFO", "RecordNumber": 100000 + i, "ProcessID": 1000 + g.IntN(9000), "ThreadID": g.IntN(9000),
		"Version": 5, "OpcodeValue": 0, "AccountName": "SYSTEM", "AccountType": "User", "UserID": "S-1-5-18", "EventReceivedTime": at,
	}
	put := func(kv ...any) {
		for i := 0; i < len(kv); i += 2 {
			ev[kv[i].(string)] = kv[i+1]
		}
	}
	image := g.image()
	sysmon := func(id int) {
		put("Channel", "Microsoft-Windows-Sysmon/Operational", "SourceName", "Microsoft-Windows-Sysmon", "EventID", id, "UtcTime", at, "ProcessGuid", "{"+g.hash(32)+"}", "ProcessId", g.IntN(9000), "Image", image, "RuleName", "-", "User", `COMUNE\`+g.pick("ufficio", "anagrafe", "ragioneria"))
	}
	switch k := g.IntN(100); {
	case k < 22:
		sysmon(1)
		put("CommandLine", image+g.args(), "ParentImage", g.image(), "ParentCommandLine", g.image()+g.args(), "CurrentDirectory", `C:\Windows\system32\`, "Hashes", "SHA1="+g.hash(40)+",MD5="+g.hash(32)+",SHA256="+g.hash(64)+",IMPHASH="+g.hash(32),
			"Description", g.pick("Host Process", "Protocollo informatico", "Console Window Host"), "Product", "Microsoft Windows Operating System", "Company", "Microsoft Corporation", "OriginalFileName", g.pick("svchost.exe", "CMD.EXE", "PowerShell.EXE", "anagrafe.exe"), "IntegrityLevel", g.pick("System", "Medium", "High"), "LogonId", "0x3e7")
	case k < 32:
		put("Channel", "Security", "SourceName", "Microsoft-Windows-Security-Auditing", "EventID", 4688, "NewProcessName", image, "ParentProcessName", g.image(), "CommandLine", image+g.args(), "SubjectUserName", pc+"$", "TokenElevationType", "%%1936", "NewProcessId", "0x1a2c")
	case k < 47:
		sysmon(7)
		put("ImageLoaded", `C:\Windows\System32\`+g.pick("ntdll.dll", "kernel32.dll", "user32.dll", "amsi.dll", "stampa.dll", "firma.dll", "clr.dll"), "Signed", g.pick("true", "false"), "Signature", "Microsoft Windows", "SignatureStatus", "Valid", "Hashes", "SHA256="+g.hash(64))
	case k < 57:
		sysmon(10)
		put("SourceImage", image, "TargetImage", g.image(), "GrantedAccess", g.pick("0x1000", "0x1410", "0x1fffff"), "CallTrace", `C:\Windows\SYSTEM32\ntdll.dll+9d1e4|C:\Windows\System32\KERNELBASE.dll+2c13e|`+image+"+1a2b")
	case k < 67:
		sysmon(13)
		put("EventType", "SetValue", "TargetObject", g.pick(`HKLM\System\CurrentControlSet\Services\`, `HKU\S-1-5-21\Software\Microsoft\Windows\CurrentVersion\Explorer\`, `HKLM\SOFTWARE\Protocollo\`)+g.pick("Start", "Recente", "Versione"), "Details", g.pick("DWORD (0x00000001)", "Binary Data", `C:\Program Files\Protocollo\x.exe`))
	case k < 77:
		sysmon(11)
		put("TargetFilename", g.pick(`C:\Users\ufficio\Documenti\`, `C:\Windows\Temp\`, `C:\ProgramData\`)+g.pick("delibera.docx", "registro.tmp", "elenco.xlsx", "aggiorna.log"), "CreationUtcTime", at)
	case k < 83:
		sysmon(3)
		put("Protocol", "tcp", "Initiated", "true", "SourceIp", fmt.Sprintf("192.0.2.%d", g.IntN(255)), "SourcePort", g.IntN(60000), "DestinationIp", fmt.Sprintf("198.51.100.%d", g.IntN(255)), "DestinationPort", 443, "DestinationHostname", "servizi.comune.example")
	case k < 88:
		sysmon(22)
		put("QueryName", g.pick("www.comune.example", "posta.comune.example", "aggiornamenti.example"), "QueryStatus", "0", "QueryResults", "::ffff:198.51.100.7;")
	case k < 93:
		put("Channel", "Microsoft-Windows-PowerShell/Operational", "SourceName", "Microsoft-Windows-PowerShell", "EventID", 4104, "ScriptBlockText", strings.Repeat("Get-ChildItem -Path $cartella | Where-Object { $_.LastWriteTime -lt $limite } | ForEach-Object { Copy-Item $_.FullName $destinazione }\n", 1+g.IntN(8)), "ScriptBlockId", g.hash(32), "Path", "")
	default:
		id := 4624 + g.IntN(2)
		put("Channel", "Security", "SourceName", "Microsoft-Windows-Security-Auditing", "EventID", id, "TargetUserName", g.pick("ufficio", "anagrafe", "Amministratore"), "TargetDomainName", "COMUNE", "LogonType", g.pick("2", "3", "10"), "IpAddress", fmt.Sprintf("203.0.113.%d", g.IntN(255)), "IpPort", fmt.Sprint(g.IntN(60000)), "Status", "0xc000006d", "WorkstationName", "-", "AuthenticationPackageName", "NTLM", "LogonProcessName", "NtLmSsp")
	}
	put("Message", strings.Repeat("Testo dell'evento come il sistema lo mostra, con i suoi campi. ", 3)+image)
	return ev
}
