// Three tiles on JupyterLab's launcher. A prebuilt extension is a webpack container: an object with init (takes the modules
// that JupyterLab shares) and get (gives a module). This one is written by hand, so that no build is needed.
(function () {
  "use strict";

  var shared = null;

  var icon = function (body) {
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" fill="none" stroke="#1f5f99" ' +
      'stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round">' + body + "</svg>";
  };
  var ICONS = {
    course: icon('<path d="M4 5c3-1 6 0 8 2 2-2 5-3 8-2v13c-3-1-6 0-8 2-2-2-5-3-8-2z"/><path d="M12 7v13"/>'),
    bank: icon('<rect x="4" y="4" width="16" height="16" rx="1.5"/><path d="M8 9l1.5 1.5L12 8M8 15l1.5 1.5L12 14M14.5 9.5H17M14.5 15.5H17"/>'),
    item: icon('<path d="M6 3h8l4 4v14H6z"/><path d="M14 3v4h4M12 11v6M9 14h6"/>')
  };

  var OPTIONS = { "单选题": 4, "多选题": 4 };
  var KINDS = { "单选题": "single", "多选题": "multiple", "判断题": "true_false", "简答题": "short", "案例分析题": "case" };
  var FOLDER = "我的题库/practice/draft";

  // The text of a new item: the front matter that every item has, and a body of the kind's form.
  function template(title) {
    var head = ["---", "kind: " + KINDS[title], "law:", "  - {act: 民法典, article: 1}     # 改为判定答案所依据的条款", "topic: 主题",
      "audience: [街道, 社区]            # 机关、乡镇、街道、村、社区", "level: 应用                        # 识记、理解、应用",
      "difficulty: 0.6                    # 预计答对的比例", "order: " + (OPTIONS[title] ? "shuffle" : "fixed"), "author: 命题人", "---", ""];
    var body = {
      "单选题": ["题干写在这里，以问句结尾？", "", "- [x] 正确的选项", "- [ ] 一种真实的误解", "- [ ] 另一种误解", "- [ ] 旧法的规定", "",
        "## 解析", "", "先说为什么选{a}，再逐个说{b}、{c}、{d}错在哪里。"],
      "多选题": ["下列做法符合规定的有：", "", "- [x] 正确的选项", "- [x] 另一个正确的选项", "- [ ] 一种真实的误解", "- [ ] 旧法的规定", "",
        "## 解析", "", "{a}、{b}有明文规定。{c}、{d}错在哪里。"],
      "判断题": ["一句可以判定对错的表述。", "", "- [ ] 正确", "- [x] 错误", "", "## 解析", "", "本题表述错误：错在哪里，正确的规定是什么。"],
      "简答题": ["问题写在这里？", "", "## 参考答案", "", "答案。", "", "## 采分点", "", "- (2) 第一个要点", "- (1.5) 第二个要点", "",
        "## 解析", "", "依据和常见错误。"],
      "案例分析题": ["材料写在这里。", "", "1. 第一问？", "2. 第二问？", "", "## 参考答案", "", "答案。", "", "## 采分点", "", "- (3) 第一问的要点",
        "- (3) 第二问的要点", "", "## 解析", "", "依据和常见错误。"]
    }[title];
    return head.concat(body).join("\n") + "\n";
  }

  function load(name) {
    var versions = shared && shared[name];
    if (!versions) {
      return Promise.reject(new Error("JupyterLab does not share " + name));
    }
    return Promise.resolve(versions[Object.keys(versions)[0]].get()).then(function (factory) { return factory(); });
  }

  function newItem(app, apputils) {
    var contents = app.serviceManager.contents;
    var chosen;
    return apputils.InputDialog.getItem({ title: "新建试题：选择题型", items: Object.keys(KINDS), okLabel: "下一步" })
      .then(function (kind) {
        if (!kind.button.accept) { return null; }
        chosen = kind.value;
        return apputils.InputDialog.getText({
          title: "题目编号", label: "小写英文单词和连字符，如 shared-parking-vote；保存后不再改", okLabel: "建立"
        });
      })
      .then(function (name) {
        if (!name || !name.button.accept) { return null; }
        var slug = (name.value || "").trim();
        if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) || slug.length < 3 || slug.length > 60) {
          return apputils.showErrorMessage("题目编号不合要求", "请用 3 至 60 个小写英文字母、数字和连字符，例如 shared-parking-vote。");
        }
        var path = FOLDER + "/" + slug + ".md";
        return contents.get(path, { content: false }).then(
          function () { return apputils.showErrorMessage("编号已被使用", "“" + slug + "”已经有一题了；请换一个编号。"); },
          function () {
            return contents.save(path, { type: "file", format: "text", content: template(chosen) })
              .then(function () { return app.commands.execute("docmanager:open", { path: path, factory: "Editor" }); });
          }
        );
      })
      .catch(function (error) { return apputils.showErrorMessage("没有建成", String(error && error.message || error)); });
  }

  function plugin(launcherToken, apputils, components) {
    var made = function (name) { return new components.LabIcon({ name: "pufa:" + name, svgstr: ICONS[name] }); };
    return {
      id: "pufa-lab:launcher",
      autoStart: true,
      requires: [launcherToken],
      activate: function (app, launcher) {
        var commands = app.commands;
        var style = document.createElement("style");    // our tiles first; browsers before Chromium 105 leave them last
        style.textContent = ".jp-Launcher-content { display: flex; flex-direction: column; } " +
          '.jp-Launcher-section:has([data-category="普法"]) { order: -1; } ' +
          ".jp-Notebook { --jp-content-font-size1: 16px; --jp-code-font-size: 15px; }";  // large type; the setting takes no default
        document.head.appendChild(style);
        document.addEventListener("focusin", function (event) {     // keys in a form are the form's: Enter, arrows, d d …
          if (event.target.closest(".pufa, .pufa-item")) { event.target.setAttribute("data-lm-suppress-shortcuts", "true"); }
        });
        commands.addCommand("pufa:open-course", {
          label: "打开课程", caption: "打开第一课：怎样练习", icon: made("course"),
          execute: function () { return commands.execute("docmanager:open", { path: "课程/start/01-how-to-practise.ipynb", factory: "Notebook" }); }
        });
        commands.addCommand("pufa:browse-bank", {
          label: "浏览题库", caption: "在左侧打开题库文件夹", icon: made("bank"),
          execute: function () { return commands.execute("filebrowser:open-path", { path: "题库" }); }
        });
        commands.addCommand("pufa:new-item", {
          label: "新建试题", caption: "按题型建立一个试题文件", icon: made("item"),
          execute: function () { return newItem(app, apputils); }
        });
        ["pufa:open-course", "pufa:browse-bank", "pufa:new-item"].forEach(function (command, rank) {
          launcher.add({ command: command, category: "普法", rank: rank });
        });
      }
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["pufa-lab"] = {
    init: function (scope) { shared = scope; return Promise.resolve(); },
    get: function () {
      return Promise.all([load("@jupyterlab/launcher"), load("@jupyterlab/apputils"), load("@jupyterlab/ui-components")])
        .then(function (modules) {
          var made = plugin(modules[0].ILauncher, modules[1], modules[2]);
          return function () { return { __esModule: true, default: made }; };
        });
    }
  };
})();
