package logline

var databaseSamples = []sample{
	{"mysql", []string{`2026-11-24T08:55:46.123456Z 8 [Note] [MY-010926] [Server] Access denied for user 'root'@'203.0.113.9' (using password: YES)`}, `login failure user=root from=203.0.113.9 zone=line`},
	{"mysql", []string{`2026-11-24  8:55:46 8 [Warning] Access denied for user 'root'@'203.0.113.9' (using password: NO)`}, `login failure user=root from=203.0.113.9 zone=machine`},
	{"postgresql", []string{`2026-11-24 08:55:46.536 UTC [811] 203.0.113.9(51000) ufficio@protocollo FATAL:  password authentication failed for user "ufficio"`}, `login failure user=ufficio from=203.0.113.9#51000 name=protocollo zone=line`},
	{"postgresql", []string{`2026-11-24 08:55:46.536 CET [811] FATAL:  no pg_hba.conf entry for host "203.0.113.9", user "postgres", database "postgres", no encryption`}, `login denied user=postgres from=203.0.113.9 name=postgres zone=line`},
	{"mssql", []string{`2026-11-24 08:55:46.17 Logon       Login failed for user 'sa'. Reason: Password did not match that for the login provided. [CLIENT: 203.0.113.9]`}, `login failure user=sa from=203.0.113.9 zone=machine`},
	{"mongodb", []string{`{"t":{"$date":"2026-11-24T08:55:46.903+01:00"},"s":"I",  "c":"ACCESS",   "id":20249,   "ctx":"conn1","msg":"Authentication failed","attr":{"mechanism":"SCRAM-SHA-256","principalName":"admin","authenticationDatabase":"admin","remote":"203.0.113.9:40711","error":"AuthenticationFailed: SCRAM authentication failed, storedKey mismatch"}}`}, `login failure user=admin from=203.0.113.9#40711 name=admin zone=line`},
}
