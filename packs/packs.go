// Package packs holds the dated data that the law, the territory or an
// adversary can change: never constants in code.
package packs

import "embed"

// Territory holds centres.csv, provinces.csv and changes.csv (UTF-8, semicolon,
// facts marked as verified or not), and under dist/ the ISTAT list of Comuni,
// which `make assets` fetches and which is never committed.
//
//go:embed territory/*.csv all:territory/dist
var Territory embed.FS

// ISTATList is the name of the list inside Territory; it lacks in a binary that
// was built without `make assets`.
const ISTATList = "territory/dist/istat20200101.csv"

// Rules holds filo's own Sigma rules. Beside what Sigma defines, a rule has a
// section filo, which package detection explains.
//
//go:embed rules/*.yml
var Rules embed.FS

// Allow holds what is never counted once it is verified: crawlers.csv.
//
//go:embed allow/*.csv
var Allow embed.FS
