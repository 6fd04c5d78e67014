// Writes the configuration files of the cluster's programs: the templates in config/ filled with one cluster's
// addresses and folder.
package main

import (
	"bytes"
	"embed"
	"os"
	"text/template"
)

//go:embed config
var templates embed.FS

// By template, the file below the cluster's folder.
var configurationFiles = map[string]string{
	"kubelet.yaml":    "kubelet.yaml",
	"proxy.yaml":      "proxy.yaml",
	"containerd.toml": "containerd.toml",
	"cni.conflist":    "cni/10-pods.conflist",
	"Corefile":        "Corefile",
	"resolv.conf":     "resolv.conf",
	"audit.yaml":      "audit.yaml",
}

func writeConfiguration(c *cluster) error {
	if err := os.MkdirAll(c.path("cni"), 0o755); err != nil {
		return err
	}
	for name, file := range configurationFiles {
		text, err := render(c, name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.path(file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func render(c *cluster, name string) ([]byte, error) {
	parsed, err := template.ParseFS(templates, "config/"+name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Option("missingkey=error").Execute(&text, map[string]any{
		"Dir":         c.dir,
		"Cgroup":      c.cgroup(),
		"Node":        nodeName,
		"NodeIP":      c.nodeIP(),
		"DNSIP":       c.dnsIP(),
		"PodRange":    c.podRange(),
		"Domain":      clusterDomain,
		"NameServers": nameServers(),
		"PauseImage":  pauseImage,
		"Provisioner": provisionerName,
	})
	return text.Bytes(), err
}
